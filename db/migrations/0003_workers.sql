-- Who works, and what they know.

create table taskbell.worker (
  id uuid constraint worker_pkey primary key,
  name text not null,
  pid integer not null,
  version text not null,
  queues text[],
  tasks text[] not null,
  started_at timestamptz not null,
  beat_at timestamptz not null,
  listening boolean not null default false,
  lock text not null default 'none',
  stopping boolean not null default false,
  stopped_at timestamptz,
  poll_after text not null default '',
  constraint lock_is_known check (lock in ('redis', 'postgres', 'lost', 'none'))
) with (fillfactor = 50);

comment on table taskbell.worker is
'One row a worker process start. The id is a fresh uuid, so a restart under the same host name never hides a crash. Private: read taskbell.workers.';
comment on column taskbell.worker.name is 'A label for people: host and process id.';
comment on column taskbell.worker.queues is 'What it serves; null: every queue.';
comment on column taskbell.worker.lock is 'What decides who works: redis, postgres, lost (Redis does not answer), none (nothing known yet).';
comment on column taskbell.worker.stopped_at is 'When it left cleanly; the row stays a while, so that histories can name it.';
comment on column taskbell.worker.poll_after is 'Where the next poll goes on when there are more queues than one poll looks at.';

create table taskbell.task_type (
  name text constraint task_type_pkey primary key,
  description text,
  schema jsonb not null,
  queue text,
  max_attempts integer,
  timeout interval,
  registered_at timestamptz not null,
  seen_at timestamptz not null
);

comment on table taskbell.task_type is
'Tasks that workers have registered: JSON Schema of the payload, and defaults. Private: read taskbell.task_types.';
comment on column taskbell.task_type.seen_at is 'When a worker that knows it last registered or was tended.';
