create or replace function taskbell.register(
  worker uuid, name text, pid integer, version text, queues text[], types jsonb
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_now timestamptz := taskbell.now();
begin
  -- In the names' order: two workers that start together must not wait for each other crosswise.
  insert into taskbell.task_type as y (name, description, schema, queue, max_attempts, timeout, registered_at, seen_at)
  select t.name, t.description, coalesce(t.schema, '{}'), t.queue, t.max_attempts, make_interval(secs => t.timeout), v_now, v_now
  from jsonb_to_recordset(register.types) as t (
    name text, description text, schema jsonb, queue text, max_attempts integer, timeout double precision
  )
  order by t.name
  on conflict on constraint task_type_pkey do update
  set description = excluded.description, schema = excluded.schema, queue = excluded.queue,
    max_attempts = excluded.max_attempts, timeout = excluded.timeout, seen_at = excluded.seen_at;

  insert into taskbell.worker as w (id, name, pid, version, queues, tasks, started_at, beat_at)
  select register.worker, register.name, register.pid, register.version, register.queues,
    coalesce(array_agg(t.name order by t.name), '{}'), v_now, v_now
  from jsonb_to_recordset(register.types) as t (name text)
  on conflict on constraint worker_pkey do update
  set tasks = excluded.tasks, queues = excluded.queues, beat_at = excluded.beat_at, stopping = false, stopped_at = null;
  return (select i.id from taskbell.installation as i);
end
$$;

comment on function taskbell.register(uuid, text, integer, text, text[], jsonb) is
'For workers: makes this process known with the tasks it can run: types is an array of {"name","description","schema","queue","max_attempts","timeout" (seconds)}.
worker: a fresh uuid a process start; name: a label for people. queues: null means all. May be repeated. Returns the installation''s id, which is part of every Redis key.';


create or replace function taskbell.deregister(worker uuid) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_queues text[];
begin
  -- The worker's row before its holder rows, as in heartbeat(), which may be under way.
  update taskbell.worker as w set stopping = true, stopped_at = taskbell.now() where w.id = deregister.worker;
  with given_up as (
    update taskbell.holder as h set released = true where h.worker = deregister.worker and not h.released returning h.queue
  )
  select array_agg(g.queue) into v_queues from given_up as g;
  if v_queues is not null and taskbell.may_ring() then
    perform pg_notify('taskbell_wake', q.name) from unnest(v_queues) as q (name);
  end if;
end
$$;

comment on function taskbell.deregister(uuid) is
'For workers: the last call of a clean stop, after every claim was completed or released. Gives up the queues it holds and rings, so that a waiting worker takes over at once.';
