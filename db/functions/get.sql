create or replace function taskbell.get(id uuid) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_task taskbell.tasks;
begin
  select * into v_task from taskbell.tasks as t where t.id = get.id;
  if not found or not taskbell.may_see(v_task.enqueued_by) then
    return null;
  end if;
  return taskbell.task_json(v_task);
end
$$;

comment on function taskbell.get(uuid) is
'The task as JSON, the same as over HTTP and websocket; null if there is none that you may see (producers: what their own login enqueued).
Volatile on purpose: it sees what the same statement has just enqueued.';


create or replace function taskbell.channel(id uuid) returns text
language sql immutable parallel safe
return 'task_' || replace(id::text, '-', '');

comment on function taskbell.channel(uuid) is
'The NOTIFY channel of one task: LISTEN to it, then read the task, then wait. Its messages {"id","status","seq"} are hints: read the row.';
