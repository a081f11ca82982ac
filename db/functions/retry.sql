create or replace function taskbell.retry(id uuid) returns taskbell.status
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_now timestamptz := taskbell.now();
  v_task taskbell.finished;
begin
  delete from taskbell.finished as f where f.id = retry.id returning f.* into v_task;
  if not found then
    if exists (select from taskbell.live as l where l.id = retry.id) then
      raise exception using errcode = 'TB002', message = format('task %s has not finished', retry.id),
        hint = 'taskbell.reschedule(id) runs a queued task now; taskbell.cancel(id) stops a running one.';
    end if;
    perform taskbell.no_such_task(retry.id);
  end if;
  -- A run that succeeded is told by the task's own row alone, which is about to be used again.
  if v_task.status = 'succeeded' then
    insert into taskbell.attempt (task_id, run, attempt, status, worker, worker_name, started_at, finished_at)
    select v_task.id, v_task.runs + 1, v_task.attempt, 'succeeded', v_task.worker, w.name, v_task.started_at, v_task.finished_at
    from (select) as one left join taskbell.worker as w on w.id = v_task.worker;
    v_task.runs := v_task.runs + 1;
  end if;
  insert into taskbell.live (
    id, queue, task, priority, run_at, max_attempts, timeout, payload, seq, runs, created_at, enqueued_by, idempotency_key, error
  ) values (
    v_task.id, v_task.queue, v_task.task, v_task.priority, v_now, v_task.max_attempts, v_task.timeout, v_task.payload,
    v_task.seq + 1, v_task.runs, v_task.created_at, v_task.enqueued_by, v_task.idempotency_key, v_task.error
  );
  perform taskbell.record('retry', v_task.id, v_task.queue);
  perform taskbell.ring(v_task.id, 'queued', v_task.seq + 1);
  return 'queued';
end
$$;

comment on function taskbell.retry(uuid) is
'For operators: puts a finished task (failed, cancelled or succeeded) back into its queue, due now. Attempts count from 0 again; their history and seq go on. Returns queued.

  select taskbell.retry(id) from taskbell.tasks where status = ''failed'' and task = ''mail'';

Errors: TB001; TB002 it has not finished. Rings.';


create or replace function taskbell.reschedule(id uuid, run_at timestamptz default taskbell.now()) returns taskbell.status
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_flaw text := taskbell.flaw('reschedule', '{}', null, null, reschedule.run_at, null, null, null);
  v_task taskbell.live;
begin
  if v_flaw is not null or reschedule.run_at is null then
    raise exception using errcode = 'TB005', message = coalesce(v_flaw, 'run_at is null');
  end if;
  select * into v_task from taskbell.live as l where l.id = reschedule.id for update;
  if not found then
    if exists (select from taskbell.finished as f where f.id = reschedule.id) then
      raise exception using errcode = 'TB002', message = format('task %s has finished', reschedule.id),
        hint = 'taskbell.retry(id) runs it again.';
    end if;
    perform taskbell.no_such_task(reschedule.id);
  end if;
  if v_task.status = 'running' then
    raise exception using errcode = 'TB002', message = format('task %s is running', reschedule.id),
      hint = 'Only a queued task can be moved in time.';
  end if;
  update taskbell.live as l set run_at = reschedule.run_at, seq = l.seq + 1 where l.id = reschedule.id;
  perform taskbell.record('reschedule', v_task.id, v_task.queue, jsonb_build_object('run_at', reschedule.run_at));
  perform taskbell.ring(v_task.id, 'queued', v_task.seq + 1);
  if reschedule.run_at <= taskbell.now() + interval '1 second' then
    perform taskbell.wake(v_task.queue);
  end if;
  return 'queued';
end
$$;

comment on function taskbell.reschedule(uuid, timestamptz) is
'For operators: moves a queued task to another time, by default to now. Returns queued. Errors: TB001; TB002 it runs or has finished; TB005. Rings.';
