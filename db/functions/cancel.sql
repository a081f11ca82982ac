create or replace function taskbell.cancel(id uuid, reason text default null) returns taskbell.status
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_task taskbell.live;
  v_now timestamptz := taskbell.now();
  v_ended taskbell.tasks;
begin
  if octet_length(cancel.reason) > 1024 then
    raise exception using errcode = 'TB005', message = 'the reason has more than 1 KiB';
  end if;
  select * into v_task from taskbell.live as l where l.id = cancel.id for update;
  if not found then
    select * into v_ended from taskbell.tasks as t where t.id = cancel.id;
    if not found or not taskbell.may_steer(v_ended.enqueued_by) then
      perform taskbell.no_such_task(cancel.id);
    end if;
    if v_ended.status = 'cancelled' then
      return v_ended.status;
    end if;
    raise exception using errcode = 'TB002', message = format('task %s has already %s', cancel.id, v_ended.status),
      hint = 'Only queued and running tasks can be cancelled.';
  end if;
  if not taskbell.may_steer(v_task.enqueued_by) then
    perform taskbell.no_such_task(cancel.id);
  end if;

  if v_task.cancel_requested_at is null then
    v_task.cancel_requested_at := v_now;
    v_task.cancelled_by := taskbell.actor();
    v_task.cancel_reason := cancel.reason;
    perform taskbell.record('cancel', cancel.id, v_task.queue, jsonb_build_object('reason', cancel.reason));
  end if;
  if v_task.status = 'queued' then
    v_task.error := jsonb_build_object('type', 'Cancelled', 'message', taskbell.cancel_words(v_task.cancelled_by, v_task.cancel_reason));
    perform taskbell.finish(v_task, 'cancelled');
    return 'cancelled';
  end if;
  update taskbell.live as l
  set cancel_requested_at = v_task.cancel_requested_at, cancelled_by = v_task.cancelled_by, cancel_reason = v_task.cancel_reason, seq = l.seq + 1
  where l.id = cancel.id
  returning l.* into v_task;
  perform taskbell.ring(cancel.id, v_task.status, v_task.seq);
  if taskbell.may_ring() then  -- else the worker's next beat tells it
    perform pg_notify('taskbell_worker_' || replace(v_task.worker::text, '-', ''), jsonb_build_object('cancel', cancel.id)::text);
  end if;
  return 'running';
end
$$;

comment on function taskbell.cancel(uuid, text) is
'Cancels a queued task at once (returns cancelled), or asks a running one to stop (returns running; it ends as cancelled when it has).
An asked coroutine is cancelled, a plain function sees ctx.cancelled; who asked and why is kept with the task. Again on a cancelled task: nothing happens.
For operators, and for producers on what their own login enqueued. Locks the task''s row (waits at most 2 s). Errors: TB001; TB002 it has already succeeded or failed.';


create or replace function taskbell.cancel_words(cancelled_by text, reason text) returns text
language sql immutable
return 'cancelled by ' || cancelled_by || coalesce(': ' || nullif(reason, ''), '');

comment on function taskbell.cancel_words(text, text) is 'The error message of a cancelled task.';
