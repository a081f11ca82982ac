create or replace view taskbell.queues as
select
  q.name, q.exclusive, q.concurrency, q.max_depth, q.max_attempts, q.timeout, q.keep_succeeded, q.keep_failed,
  q.paused_at is not null or i.paused_at is not null as paused, coalesce(q.paused_at, i.paused_at) as paused_at,
  coalesce(q.paused_by, i.paused_by) as paused_by, h.worker as holder, w.name as holder_name, h.held_since,
  h.renewed_at as holder_renewed_at, q.created_at
from taskbell.queue as q
cross join taskbell.installation as i
left join taskbell.holder as h
  on h.queue = q.name and not h.released and h.renewed_at > taskbell.now() - taskbell.lock_life()
left join taskbell.worker as w on w.id = h.worker;

comment on view taskbell.queues is
'Queues with their settings and, of exclusive ones, the worker that holds them. Null settings: the defaults (3 attempts, 1 hour, kept 7 days, failed 30). A queue appears when a worker finds its first task due, or due within a minute, or by taskbell.configure().';
comment on column taskbell.queues.paused is 'It is paused, or everything is.';
comment on column taskbell.queues.holder is 'The worker that works it alone; null: nobody does now, or it is not exclusive.';
