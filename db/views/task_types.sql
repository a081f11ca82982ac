create or replace view taskbell.task_types as
select
  y.name, y.description, y.schema, y.queue, y.max_attempts, y.timeout, y.registered_at, y.seen_at,
  exists(
    select 1 from taskbell.worker as w
    where w.stopped_at is null and w.beat_at > taskbell.now() - interval '10 seconds' and y.name = any(w.tasks)
  ) as known
from taskbell.task_type as y;

comment on view taskbell.task_types is
'Tasks that workers have registered: the JSON Schema of the payload, and the defaults (null: the queue''s). known: a living worker can run it.';
