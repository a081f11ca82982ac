create or replace view taskbell.tasks as
select
  l.id, l.task, l.queue, l.status, l.seq, l.priority, l.payload, l.progress, null::jsonb as result, l.error, l.attempt,
  l.max_attempts, l.run_at, l.created_at,
  case when l.status = 'running' then coalesce(l.started_at, l.claimed_at) end as started_at,
  null::timestamptz as finished_at, l.enqueued_by, l.idempotency_key, l.timeout, l.worker, l.cancel_requested_at,
  l.cancelled_by, l.cancel_reason
from taskbell.live as l
union all
select
  f.id, f.task, f.queue, f.status, f.seq, f.priority, f.payload, f.progress, f.result, f.error, f.attempt,
  f.max_attempts, f.run_at, f.created_at, f.started_at, f.finished_at, f.enqueued_by, f.idempotency_key, f.timeout, f.worker,
  f.cancel_requested_at, f.cancelled_by, f.cancel_reason
from taskbell.finished as f;

comment on view taskbell.tasks is
'Every task, live and finished, one row each. Bulk acts are select taskbell.retry(id) from taskbell.tasks where …';
comment on column taskbell.tasks.seq is 'Grows with every change of the task.';
comment on column taskbell.tasks.progress is '{"fraction": 0 to 1, "note"} as the task last said, or null.';
comment on column taskbell.tasks.error is '{"type","message"} of the last failed attempt, or null.';
comment on column taskbell.tasks.attempt is 'Attempts charged so far, a running one included; 0 before the first.';
comment on column taskbell.tasks.started_at is 'When the present (or last) run began; of a running one that has not reported yet, when it was claimed.';
comment on column taskbell.tasks.enqueued_by is 'Who enqueued it: a login, key:NAME, admin:NAME or anonymous.';
comment on column taskbell.tasks.worker is 'The worker that has claimed it or ran it last (taskbell.workers.id).';


create or replace function taskbell.task_json(task taskbell.tasks) returns jsonb
language sql stable
as $$
  select jsonb_build_object(
    'id', (task_json.task).id, 'task', (task_json.task).task, 'queue', (task_json.task).queue,
    'status', (task_json.task).status, 'seq', (task_json.task).seq, 'priority', (task_json.task).priority,
    'payload', (task_json.task).payload, 'progress', (task_json.task).progress, 'result', (task_json.task).result,
    'error', (task_json.task).error, 'attempt', (task_json.task).attempt, 'max_attempts', (task_json.task).max_attempts,
    'run_at', taskbell.stamp((task_json.task).run_at), 'created_at', taskbell.stamp((task_json.task).created_at),
    'started_at', taskbell.stamp((task_json.task).started_at), 'finished_at', taskbell.stamp((task_json.task).finished_at)
  )
$$;

comment on function taskbell.task_json(taskbell.tasks) is
'A task as JSON, the same in SQL, HTTP, events and websocket messages.';


create or replace function taskbell.stamp(moment timestamptz) returns text
language sql stable
return to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

comment on function taskbell.stamp(timestamptz) is 'A moment as text in UTC (RFC 3339, microseconds), as JSON carries it.';
