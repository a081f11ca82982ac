-- Taskbell's roles. They belong to the whole server, not to one database, so this file is applied
-- before everything else and never fails because another database's migrator was quicker.
-- A login gets in by `grant taskbell_producer to shop`; the owner of all objects has no login.

do $$ begin
  create role taskbell_owner nologin;
  comment on role taskbell_owner is
    'Owns every object of schema taskbell. No login, no superuser: functions run with its rights and no more.';
exception when duplicate_object or unique_violation then null;
end $$;

do $$ begin
  create role taskbell_producer nologin;
  comment on role taskbell_producer is
    'May enqueue tasks, and see, await and cancel those its own login enqueued.';
exception when duplicate_object or unique_violation then null;
end $$;

do $$ begin
  create role taskbell_reader nologin;
  comment on role taskbell_reader is
    'May see every task, queue and worker, but change nothing.';
exception when duplicate_object or unique_violation then null;
end $$;

do $$ begin
  create role taskbell_operator nologin;
  comment on role taskbell_operator is
    'May see all that a reader sees, attempts too, and steer it: retry, cancel, pause, configure, prune.';
exception when duplicate_object or unique_violation then null;
end $$;

do $$ begin
  create role taskbell_worker nologin;
  comment on role taskbell_worker is
    'May claim and finish tasks: the role of Taskbell''s own worker.';
exception when duplicate_object or unique_violation then null;
end $$;

do $$ begin
  create role taskbell_service nologin;
  comment on role taskbell_service is
    'May name the real actor behind a call: the role of the API and the admin.';
exception when duplicate_object or unique_violation then null;
end $$;

-- An operator sees all that a reader sees.
do $$ begin
  if not pg_has_role('taskbell_operator', 'taskbell_reader', 'member') then
    grant taskbell_reader to taskbell_operator;
  end if;
end $$;

-- Lets taskbell.health tell how old the oldest transaction is; without this right it answers null there.
do $$ begin
  grant pg_read_all_stats to taskbell_owner;
exception when insufficient_privilege then null;
end $$;
