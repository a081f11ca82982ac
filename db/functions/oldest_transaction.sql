create or replace function taskbell.oldest_transaction() returns double precision
language sql stable security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
  -- Of this database: snapshots taken elsewhere do not hold this one's rows back.
  select extract(epoch from max(clock_timestamp() - a.xact_start))::double precision
  from pg_stat_activity as a
  where a.datname = current_database() and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
    and (a.backend_xmin is not null or a.backend_xid is not null)
$$;

comment on function taskbell.oldest_transaction() is
'Seconds since the oldest open transaction of this database began that keeps dead rows from being cleaned up; null: none (or the migrating login could not grant pg_read_all_stats to taskbell_owner).';
