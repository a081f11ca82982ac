create or replace view taskbell.health as
select
  w.alive as workers_alive,
  w.listening as workers_listening,
  w.lock_lost,
  taskbell.oldest_transaction() as oldest_transaction_seconds,
  (
    select s.n_dead_tup from pg_stat_all_tables as s where s.schemaname = 'taskbell' and s.relname = 'live'
  ) as dead_tuples_live,
  pg_notification_queue_usage() as notification_queue_usage,
  i.paused_at is not null as paused,
  i.id as installation,
  current_setting('server_version') as server_version,
  coalesce((select c.value from taskbell.counter as c where c.name = 'stale'), 0) as stale_calls,
  coalesce((select c.value from taskbell.counter as c where c.name = 'lost'), 0) as lost_claims,
  coalesce((select c.value from taskbell.counter as c where c.name = 'unrung'), 0) as unrung
from taskbell.installation as i
cross join (
  select
    count(*)::integer as alive,
    count(*) filter (where w.listening)::integer as listening,
    count(*) filter (where w.lock = 'lost')::integer as lock_lost
  from taskbell.worker as w
  where w.stopped_at is null and w.beat_at > taskbell.now() - interval '10 seconds'
) as w;

comment on view taskbell.health is
'One row on the installation: living workers, how many hear NOTIFY or have lost Redis, the oldest open transaction (seconds; null where the migrating login could not grant pg_read_all_stats), dead rows of the live table (an old transaction keeps them), how full the notification queue is (0 to 1), and counts of refused stale calls, claims taken back from dead workers, and rings skipped.';
