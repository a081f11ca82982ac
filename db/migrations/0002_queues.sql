-- Queues and who works them. The holder has a table of its own: an operator's open transaction on a queue's settings must not
-- stop its worker from renewing.

create table taskbell.queue (
  name text constraint queue_pkey primary key,
  exclusive boolean not null default true,
  exclusive_since timestamptz,
  concurrency integer not null default 1,
  max_depth integer,
  max_attempts integer,
  timeout interval,
  keep_succeeded interval,
  keep_failed interval,
  paused_at timestamptz,
  paused_by text,
  created_at timestamptz not null default statement_timestamp(),
  constraint queue_name_is_plain check (name ~ '^[A-Za-z0-9_.-]{1,64}$'),
  constraint concurrency_is_1_to_1000 check (concurrency between 1 and 1000),
  constraint max_depth_is_positive check (max_depth > 0),
  constraint max_attempts_is_1_to_100 check (max_attempts between 1 and 100),
  constraint timeout_is_1_second_to_7_days check (timeout between interval '1 second' and interval '7 days'),
  constraint keeps_are_not_negative check (keep_succeeded >= interval '0' and keep_failed >= interval '0')
);

comment on table taskbell.queue is
'Settings of queues. A queue needs no row to be used: workers make it. Private: read taskbell.queues, call taskbell.configure().';
comment on column taskbell.queue.exclusive is 'true: one worker at a time. false: any number of workers.';
comment on column taskbell.queue.exclusive_since is 'When it was last made exclusive again: whoever held it before must take it anew, which waits for other workers'' claims to end.';
comment on column taskbell.queue.concurrency is 'Tasks at once, a worker.';
comment on column taskbell.queue.max_depth is 'Most queued tasks; null: no bound.';
comment on column taskbell.queue.max_attempts is 'Default for tasks that bring none of their own; null: 3.';
comment on column taskbell.queue.timeout is 'Default for tasks that bring none of their own; null: 1 hour.';
comment on column taskbell.queue.keep_succeeded is 'How long finished tasks are kept, failed ones excepted; null: 7 days.';
comment on column taskbell.queue.keep_failed is 'How long failed tasks are kept; null: 30 days.';

insert into taskbell.queue (name) values ('default');
insert into taskbell.queue (name, max_depth, timeout) values ('public', 10000, interval '60 seconds');

create table taskbell.holder (
  queue text constraint holder_pkey primary key,
  worker uuid not null,
  held_since timestamptz not null,
  renewed_at timestamptz not null,
  released boolean not null default false
) with (fillfactor = 50);

comment on table taskbell.holder is
'The worker that works an exclusive queue. Won under the Redis lock (or by this row alone without Redis), renewed with it; it lapses one lock life (5 s) after the last renewal.';
comment on column taskbell.holder.released is 'Given up cleanly: anybody may take it at once.';
