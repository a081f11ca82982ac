create or replace function taskbell.act_as(actor text) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
begin
  -- A plain pattern and a length: with {1,150} in it the pattern takes ten times as long, at every POST.
  if act_as.actor is null or act_as.actor !~ '^(anonymous|(key|admin):[^[:cntrl:]]+)$'
    or char_length(substr(act_as.actor, strpos(act_as.actor, ':') + 1)) > 150
  then
    raise exception using errcode = 'TB005', message = format('%L is not an actor', act_as.actor),
      hint = 'key:NAME, admin:NAME or anonymous';
  end if;
  return set_config('taskbell.actor', act_as.actor, true);
end
$$;

comment on function taskbell.act_as(text) is
'Names the person or key on whose behalf the rest of this transaction acts: key:NAME, admin:NAME or anonymous.
For members of taskbell_service (the API and the admin); in other logins'' sessions the setting behind it has no effect. Errors: TB005.';


create or replace function taskbell.actor() returns text
language sql stable
return case
  when coalesce(current_setting('taskbell.actor', true), '') = '' then session_user::text
  when pg_has_role(session_user, 'taskbell_service', 'member') then current_setting('taskbell.actor', true)
  else session_user::text
end;

comment on function taskbell.actor() is
'Who is acting: the login, or the actor that a member of taskbell_service named. Anybody can set the setting, so it counts for service logins alone.';


create or replace function taskbell.may_see(enqueued_by text) returns boolean
language sql stable
return enqueued_by = session_user::text
or pg_has_role(session_user, 'taskbell_reader', 'member')
or pg_has_role(session_user, 'taskbell_service', 'member');

comment on function taskbell.may_see(text) is
'May the present login see a task of that enqueuer? Its own always; all of them as reader, operator or service.';


create or replace function taskbell.may_steer(enqueued_by text) returns boolean
language sql stable
return enqueued_by = session_user::text
or pg_has_role(session_user, 'taskbell_operator', 'member')
or pg_has_role(session_user, 'taskbell_service', 'member');

comment on function taskbell.may_steer(text) is
'May the present login cancel a task of that enqueuer? Its own always; all of them as operator or service.';


create or replace function taskbell.record(
  act text, task_id uuid default null, queue text default null, detail jsonb default null
) returns void
language sql volatile
as $$
  insert into taskbell.act (at, actor, act, task_id, queue, detail)
  values (taskbell.now(), taskbell.actor(), record.act, record.task_id, record.queue, record.detail);
$$;

comment on function taskbell.record(text, uuid, text, jsonb) is 'Writes one line of taskbell.acts: who did what, now.';


create or replace function taskbell.count(name text, by bigint default 1) returns void
language sql volatile
as $$
  insert into taskbell.counter as c (name, value) values (count.name, count.by)
  on conflict on constraint counter_pkey do update set value = c.value + excluded.value;
$$;

comment on function taskbell.count(text, bigint) is 'Adds to a counter of taskbell.counter. Rare events only: its row is one for all.';


create or replace function taskbell.no_such_task(id uuid) returns void
language plpgsql volatile
as $$
begin
  raise exception using errcode = 'TB001', message = format('there is no task %s', coalesce(no_such_task.id::text, 'null')),
    hint = 'It may have been pruned, or was enqueued by a login whose tasks you may not see.';
end
$$;

comment on function taskbell.no_such_task(uuid) is 'Raises TB001 for a task that does not exist, or that the login may not see: the same answer for both.';
