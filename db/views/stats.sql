create or replace view taskbell.stats as
with live as (
  select
    l.queue,
    count(*) filter (where l.status = 'queued') as queued,
    count(*) filter (where l.status = 'queued' and l.run_at <= taskbell.now()) as due,
    count(*) filter (where l.status = 'running') as running,
    min(l.run_at) filter (where l.status = 'queued' and l.run_at <= taskbell.now()) as oldest_due
  from taskbell.live as l group by l.queue
),
lately as (
  select
    f.queue, f.status, f.finished_at, extract(epoch from f.started_at - f.run_at)::double precision as waited,
    extract(epoch from f.finished_at - f.started_at)::double precision as ran
  from taskbell.finished as f
  where f.finished_at > taskbell.now() - interval '5 minutes'
  order by f.finished_at desc limit 10000
),
minute as (
  select f.queue, f.status, count(*) as ended
  from taskbell.finished as f
  where f.finished_at > taskbell.now() - interval '1 minute'
  group by f.queue, f.status
),
rates as (
  select
    m.queue, sum(m.ended) filter (where m.status = 'succeeded') as succeeded, sum(m.ended) filter (where m.status = 'failed') as failed
  from minute as m group by m.queue
),
times as (
  select
    t.queue,
    percentile_cont(0.5) within group (order by greatest(t.waited, 0)) as wait_p50,
    percentile_cont(0.99) within group (order by greatest(t.waited, 0)) as wait_p99,
    percentile_cont(0.5) within group (order by t.ran) as run_p50,
    percentile_cont(0.99) within group (order by t.ran) as run_p99
  from lately as t where t.status <> 'cancelled' group by t.queue
)
select
  n.name as queue, coalesce(l.queued, 0) as queued, coalesce(l.due, 0) as due,
  coalesce(l.queued - l.due, 0) as scheduled, coalesce(l.running, 0) as running,
  extract(epoch from taskbell.now() - l.oldest_due)::double precision as oldest_due_seconds,
  coalesce(r.succeeded, 0)::double precision as succeeded_per_minute,
  coalesce(r.failed, 0)::double precision as failed_per_minute,
  t.wait_p50, t.wait_p99, t.run_p50, t.run_p99
from (
  select q.name from taskbell.queue as q
  union
  select v.queue from live as v
) as n
left join live as l on l.queue = n.name
left join rates as r on r.queue = n.name
left join times as t on t.queue = n.name;

comment on view taskbell.stats is
'A row a queue: depth by state, age of the oldest due task, what ended in the last minute, and wait and run times (seconds) of the last 5 minutes, over at most 10,000 tasks. Reads every live row: for monitors, not for loops.';
comment on column taskbell.stats.scheduled is 'Queued, and due later.';
comment on column taskbell.stats.wait_p50 is 'Seconds from run_at to the start of the last run; null: nothing finished lately.';
