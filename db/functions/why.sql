create or replace function taskbell.why(id uuid) returns text
language plpgsql stable security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_task taskbell.tasks;
  v_queue taskbell.queues;
begin
  select * into v_task from taskbell.tasks as t where t.id = why.id;
  if not found then
    perform taskbell.no_such_task(why.id);
  end if;
  if v_task.status = 'running' then
    return taskbell.why_running(why.id);
  elsif v_task.status <> 'queued' then
    return format('It has %s, %s ago.', v_task.status, date_trunc('second', taskbell.now() - v_task.finished_at));
  end if;
  select * into v_queue from taskbell.queues as q where q.name = v_task.queue;
  return case
    when v_task.run_at > taskbell.now()
      then format('It is not due: it runs at %s, in %s.', v_task.run_at, date_trunc('second', v_task.run_at - taskbell.now() + interval '1 s'))
        || coalesce(' Its last attempt failed: ' || (v_task.error ->> 'message'), '')
    when v_queue.paused then format('Queue "%s" is paused since %s by %s.', v_queue.name, v_queue.paused_at, v_queue.paused_by)
    when not exists (select from taskbell.workers as w where w.alive) then 'No worker runs.'
    when not exists (select from taskbell.workers as w where w.alive and (w.queues is null or v_task.queue = any (w.queues)))
      then format('No worker that runs serves queue "%s".', v_task.queue)
    when not exists (
      select from taskbell.workers as w
      where w.alive and v_task.task = any (w.tasks) and (w.queues is null or v_task.queue = any (w.queues))
    ) then format('No worker that runs knows a task named "%s".', v_task.task)
    else taskbell.why_waiting(why.id)
  end;
end
$$;

comment on function taskbell.why(uuid) is
'Why is this task not running (or what is it doing)? One or two sentences for a person. Errors: TB001.';


create or replace function taskbell.why_running(id uuid) returns text
language sql stable
as $$
  select case
    when l.cancel_requested_at is not null
      then format('It was asked to stop by %s, %s ago, and has not yet.', l.cancelled_by, date_trunc('second', taskbell.now() - l.cancel_requested_at))
    when not exists (select from taskbell.workers as w where w.id = l.worker and w.beat_at > taskbell.now() - taskbell.lease())
      then format('Its worker %s has stopped answering; it is about to be taken back.', coalesce(w.name, l.worker::text))
    when l.started_at is null
      then format('Worker %s has claimed it and is about to run it (or has not reported yet).', coalesce(w.name, l.worker::text))
    else format('It runs on %s since %s, attempt %s of %s.', coalesce(w.name, l.worker::text), l.started_at, l.attempt, l.max_attempts)
  end
  from taskbell.live as l left join taskbell.worker as w on w.id = l.worker
  where l.id = why_running.id
$$;

comment on function taskbell.why_running(uuid) is 'What a running task is doing, in words: the part of why() for those.';


create or replace function taskbell.why_waiting(id uuid) returns text
language plpgsql stable
as $$
declare
  v_task taskbell.live;
  v_queue taskbell.queues;
  v_ahead bigint;
  v_running bigint;
begin
  select * into v_task from taskbell.live as l where l.id = why_waiting.id;
  select * into v_queue from taskbell.queues as q where q.name = v_task.queue;
  select count(*) into v_ahead from (
    select from taskbell.live as l
    where l.queue = v_task.queue and l.status = 'queued' and l.run_at <= taskbell.now()
      and (-l.priority, l.run_at, l.id) < (-v_task.priority, v_task.run_at, v_task.id)
    limit 10000
  ) as ahead;
  select count(*) into v_running from taskbell.live as l where l.queue = v_task.queue and l.status = 'running';
  return case
    when coalesce(v_queue.exclusive, true) and v_queue.holder is null
      then format('Queue "%s" is exclusive and no worker holds it at the moment.', v_task.queue)
        || case when exists (select from taskbell.workers as w where w.alive and w.lock = 'lost')
          then ' Redis does not answer, so no worker may take its lock.' else '' end
    when v_ahead > 0 or v_running > 0
      then format(
        'Queue "%s" is busy: %s running, %s due before it%s.', v_task.queue, v_running,
        case when v_ahead = 10000 then '10000 or more' else v_ahead::text end,
        coalesce(', worked by ' || v_queue.holder_name, '')
      )
    else 'It is next.' || case
      when not exists (select from taskbell.workers as w where w.alive and w.listening)
        then ' No worker hears NOTIFY, so it may take up to a second.'
      else ''
    end
  end;
end
$$;

comment on function taskbell.why_waiting(uuid) is 'What a due task waits for, in words: the part of why() for those that a worker could run.';
