-- The tasks themselves: live ones in one small table that workers hammer, finished ones in another that only grows and is
-- pruned. With a million finished rows this drains a third faster than one table, and vacuum meets only the small one.

comment on schema taskbell is
'Taskbell, a persistent task queue. Producers call taskbell.enqueue(); \df+ taskbell.* reads like a manual.';

create type taskbell.status as enum ('queued', 'running', 'succeeded', 'failed', 'cancelled');

comment on type taskbell.status is
'Where a task is: queued -> running -> succeeded | failed | cancelled. running: a worker has claimed it. A failed attempt with attempts left goes back to queued.';

create table taskbell.live (
  id uuid constraint live_pkey primary key,
  status taskbell.status not null default 'queued',
  queue text not null,
  task text not null,
  priority integer not null default 0,
  run_at timestamptz not null,
  attempt integer not null default 0,
  max_attempts integer not null,
  timeout interval not null,
  payload jsonb not null,
  seq integer not null default 1,
  runs integer not null default 0,
  created_at timestamptz not null,
  enqueued_by text not null,
  idempotency_key text,
  token uuid,
  worker uuid,
  claimed_at timestamptz,
  started_at timestamptz,
  progress jsonb,
  error jsonb,
  cancel_requested_at timestamptz,
  cancelled_by text,
  cancel_reason text,
  constraint live_is_queued_or_running check (status in ('queued', 'running')),
  constraint running_has_a_claim check (
    (status = 'running') = (token is not null and worker is not null and claimed_at is not null)
  )
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 50000,
  autovacuum_analyze_scale_factor = 0.2,
  autovacuum_vacuum_cost_delay = 0
);

comment on table taskbell.live is
'Tasks that are queued or running. Private: read taskbell.tasks, act through the functions.';
comment on column taskbell.live.attempt is 'Attempts charged since the task was enqueued or retried by hand; a running one counts itself.';
comment on column taskbell.live.runs is 'Begun attempts in the history before the present one, over the whole life of the task.';
comment on column taskbell.live.seq is 'Grows with every change; clients keep the message with the highest one.';
comment on column taskbell.live.token is 'The fence: a fresh uuid a claim. Whoever reports with another one changes nothing.';
comment on column taskbell.live.worker is 'The worker process that holds the claim (taskbell.worker.id). The claim''s lease is that worker''s: 30 s from its last beat.';
comment on column taskbell.live.started_at is 'When the run began, as the worker reported it; null while it is claimed and not (known to be) begun.';
comment on column taskbell.live.error is 'The last failed attempt''s {"type","message"}.';
comment on column taskbell.live.cancel_requested_at is 'Set when somebody asked a running task to stop.';

-- A row comparison cannot use an index on "priority desc", hence the minus.
create index live_to_claim on taskbell.live (queue, (-priority), run_at, id) where status = 'queued';
comment on index taskbell.live_to_claim is 'Which task runs next? Also: which queues have tasks, and when is the next one due?';

create index live_of_worker on taskbell.live (worker) where status = 'running';
comment on index taskbell.live_of_worker is 'What had this dead worker claimed? No statement of the hot path may have a predicate that lets the planner use it, nor any on a living worker: they would walk its dead entries.';

create index live_to_stop on taskbell.live (worker) where cancel_requested_at is not null;
comment on index taskbell.live_to_stop is 'Which running tasks of this worker were asked to stop?';

create table taskbell.finished (
  id uuid constraint finished_pkey primary key,
  status taskbell.status not null,
  queue text not null,
  task text not null,
  priority integer not null,
  run_at timestamptz not null,
  attempt integer not null,
  max_attempts integer not null,
  timeout interval not null,
  payload jsonb not null,
  seq integer not null,
  runs integer not null,
  created_at timestamptz not null,
  enqueued_by text not null,
  idempotency_key text,
  worker uuid,
  started_at timestamptz,
  finished_at timestamptz not null,
  progress jsonb,
  result jsonb,
  error jsonb,
  cancel_requested_at timestamptz,
  cancelled_by text,
  cancel_reason text,
  expires_at timestamptz not null,
  constraint finished_is_an_end check (status in ('succeeded', 'failed', 'cancelled'))
) with (
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_vacuum_scale_factor = 0.05
);

comment on table taskbell.finished is
'Tasks that succeeded, failed or were cancelled, until they are pruned. Private: read taskbell.tasks.';
comment on column taskbell.finished.expires_at is 'Pruned after this moment: the end plus the queue''s keep time as it was then.';

create index finished_to_prune on taskbell.finished (expires_at);
comment on index taskbell.finished_to_prune is 'What has outlived its keep time?';

create index finished_lately on taskbell.finished (finished_at);
comment on index taskbell.finished_lately is 'What finished in the last minutes (rates, percentiles), and what is older than prune(older_than)?';

create index finished_badly on taskbell.finished (id) where status <> 'succeeded';
comment on index taskbell.finished_badly is 'Which tasks failed or were cancelled, newest first?';

create table taskbell.attempt (
  task_id uuid not null,
  run integer not null,
  attempt integer not null,
  status text not null,
  worker uuid,
  worker_name text,
  started_at timestamptz,
  finished_at timestamptz not null,
  error jsonb,
  traceback text,
  constraint attempt_pkey primary key (task_id, run),
  constraint attempt_has_a_known_end check (status in ('succeeded', 'failed', 'released', 'lost', 'cancelled'))
);

comment on table taskbell.attempt is
'Attempts that began and are not told by the task''s own row any more: failed, lost, released in mid-run. Private: read taskbell.attempts.';
comment on column taskbell.attempt.run is '1, 2, … over the whole life of the task, retries by hand included.';

create table taskbell.idempotency (
  queue text not null,
  key text not null,
  id uuid not null,
  task text not null,
  payload_hash bytea not null,
  constraint idempotency_pkey primary key (queue, key)
);

comment on table taskbell.idempotency is
'Idempotency keys, one row as long as its task is kept, live or finished. A table of its own, so that a key never makes anybody wait for a task''s row.';
comment on column taskbell.idempotency.payload_hash is 'SHA-256 of the payload''s canonical text, to tell a repeat from a mistake.';
