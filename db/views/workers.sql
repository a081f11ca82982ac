create or replace view taskbell.workers as
select
  w.id, w.name, w.pid, w.version, w.queues, w.tasks, w.started_at, w.beat_at,
  w.beat_at > taskbell.now() - interval '10 seconds' as alive, w.listening, w.lock, w.stopping
from taskbell.worker as w
where w.stopped_at is null and w.beat_at > taskbell.now() - interval '1 day';

comment on view taskbell.workers is
'Worker processes that have not stopped cleanly, of the last day. alive: it beat in the last 10 s. listening: it hears NOTIFY (deaf ones poll). lock: redis, postgres, or lost when Redis does not answer.';
