create or replace function taskbell.history(since timestamptz, until timestamptz)
returns table (minute timestamptz, succeeded bigint, failed bigint, cancelled bigint)
language sql stable security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
  select
    date_trunc('minute', f.finished_at), count(*) filter (where f.status = 'succeeded'),
    count(*) filter (where f.status = 'failed'), count(*) filter (where f.status = 'cancelled')
  from taskbell.finished as f
  where f.finished_at >= history.since and f.finished_at < history.until
  group by 1
  order by 1
$$;

comment on function taskbell.history(timestamptz, timestamptz) is
'What ended, minute by minute, from since up to but without until: for charts. Minutes in which nothing ended are left out, and so are tasks that have been pruned or retried since.
Reads each task that ended then, so ask for a few minutes at a time and keep what is past. For readers.';
