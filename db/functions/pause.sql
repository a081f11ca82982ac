create or replace function taskbell.pause(queue text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
begin
  if pause.queue is null then
    update taskbell.installation as i
    set paused_at = coalesce(i.paused_at, taskbell.now()), paused_by = coalesce(i.paused_by, taskbell.actor());
  else
    perform taskbell.need_queue(pause.queue);
    update taskbell.queue as q
    set paused_at = coalesce(q.paused_at, taskbell.now()), paused_by = coalesce(q.paused_by, taskbell.actor())
    where q.name = pause.queue;
  end if;
  perform taskbell.record('pause', null, pause.queue);
end
$$;

comment on function taskbell.pause(text) is
'For operators: workers claim nothing more from this queue; null (or nothing): from any queue, those to come included. What runs goes on, what was claimed and not begun goes back. Enqueueing goes on. Errors: TB001 no such queue.';


create or replace function taskbell.resume(queue text default null) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
begin
  if resume.queue is null then
    update taskbell.installation as i set paused_at = null, paused_by = null;
    update taskbell.queue as q set paused_at = null, paused_by = null where q.paused_at is not null;
  else
    perform taskbell.need_queue(resume.queue);
    update taskbell.queue as q set paused_at = null, paused_by = null where q.name = resume.queue;
  end if;
  perform taskbell.record('resume', null, resume.queue);
  perform taskbell.wake(coalesce(resume.queue, ''));
end
$$;

comment on function taskbell.resume(text) is
'For operators: ends a pause; null (or nothing) ends them all, the one of everything and each queue''s own. A single queue does not resume while everything is paused. Rings. Errors: TB001 no such queue.';


create or replace function taskbell.need_queue(queue text) returns void
language plpgsql volatile
as $$
begin
  if exists (select from taskbell.queue as q where q.name = need_queue.queue) then
    return;
  end if;
  -- A queue exists from its first task on, also before a worker has made its row.
  if exists (select from taskbell.live as l where l.queue = need_queue.queue and l.status = 'queued') then
    insert into taskbell.queue as q (name) values (need_queue.queue) on conflict on constraint queue_pkey do nothing;
    return;
  end if;
  raise exception using errcode = 'TB001', message = format('there is no queue %L', need_queue.queue),
    hint = 'taskbell.configure(queue) makes one before its first task.';
end
$$;

comment on function taskbell.need_queue(text) is 'Raises TB001 for a queue that has neither settings nor tasks; makes the row of one that has tasks.';
