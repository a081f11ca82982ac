-- What belongs to the installation as a whole.

create table taskbell.installation (
  is_only boolean constraint installation_pkey primary key default true,
  id uuid not null default gen_random_uuid(),
  paused_at timestamptz,
  paused_by text,
  tended_at timestamptz,
  workers_since timestamptz,
  constraint there_is_one_installation check (is_only)
);

comment on table taskbell.installation is 'One row: the installation''s id, and the switch that pauses everything.';
comment on column taskbell.installation.id is 'Part of every Redis key, so that two installations on one Redis never meet.';
comment on column taskbell.installation.tended_at is 'When a worker last did the minute''s upkeep.';
comment on column taskbell.installation.workers_since is 'Since when workers have been running without a gap.';

insert into taskbell.installation default values;

create table taskbell.act (
  id bigint generated always as identity constraint act_pkey primary key,
  at timestamptz not null,
  actor text not null,
  act text not null,
  task_id uuid,
  queue text,
  detail jsonb
);

comment on table taskbell.act is 'Who steered what: cancel, retry, reschedule, pause, resume, configure, prune. Private: read taskbell.acts.';

create index acts_of_a_task on taskbell.act (task_id) where task_id is not null;
comment on index taskbell.acts_of_a_task is 'Who did what to this task?';

create table taskbell.counter (
  name text constraint counter_pkey primary key,
  value bigint not null
);

comment on table taskbell.counter is 'Events worth counting that leave no row: stale (refused by the fence), lost (taken back from dead workers), unrung.';
