-- Taskbell's roles. They belong to the whole server, not to one database, so this file is applied
-- before everything else and never fails because another database's migrator was quicker.
-- Who is a member of whom is db/migration_roles.py's part, since it depends on the server's version.
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
