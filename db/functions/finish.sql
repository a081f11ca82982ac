create or replace function taskbell.finish(
  task taskbell.live, status taskbell.status, ended timestamptz default taskbell.now()
) returns void
language sql volatile
as $$
  with gone as (
    delete from taskbell.live as l where l.id = (finish.task).id returning l.seq
  )
  insert into taskbell.finished (
    id, status, queue, task, priority, run_at, attempt, max_attempts, timeout, payload, seq, runs, created_at, enqueued_by,
    idempotency_key, worker, started_at, finished_at, progress, error, cancel_requested_at, cancelled_by, cancel_reason,
    expires_at
  )
  select
    (finish.task).id, finish.status, (finish.task).queue, (finish.task).task, (finish.task).priority, (finish.task).run_at,
    (finish.task).attempt, (finish.task).max_attempts, (finish.task).timeout, (finish.task).payload, g.seq + 1,
    (finish.task).runs, (finish.task).created_at, (finish.task).enqueued_by, (finish.task).idempotency_key,
    (finish.task).worker, (finish.task).started_at, greatest((finish.task).started_at, finish.ended), (finish.task).progress, (finish.task).error,
    (finish.task).cancel_requested_at, (finish.task).cancelled_by, (finish.task).cancel_reason,
    taskbell.now() + taskbell.keep((finish.task).queue, finish.status)
  from gone as g
$$;

comment on function taskbell.finish(taskbell.live, taskbell.status, timestamptz) is
'Moves one task from live to finished as failed or cancelled, with the fields given (started_at, error, who cancelled), ended at that moment. The caller holds its row''s lock and has checked the fence. Rings.';


create or replace function taskbell.keep(queue text, status taskbell.status) returns interval
language sql stable
as $$
  select case
    when keep.status = 'failed'
      then coalesce((select q.keep_failed from taskbell.queue as q where q.name = keep.queue), interval '30 days')
    else coalesce((select q.keep_succeeded from taskbell.queue as q where q.name = keep.queue), interval '7 days')
  end
$$;

comment on function taskbell.keep(text, taskbell.status) is
'How long a task of this queue that ended so is kept: failed 30 days, the others 7, unless the queue says otherwise.';
