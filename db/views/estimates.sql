create or replace view taskbell.estimates as
select
  greatest(pg_stat_get_live_tuples('taskbell.live'::regclass), 0) as live,
  greatest(
    pg_stat_get_live_tuples('taskbell.finished'::regclass),
    (select c.reltuples::bigint from pg_class as c where c.oid = 'taskbell.finished'::regclass), 0
  ) as finished;

comment on view taskbell.estimates is
'How many tasks there are, about, out of the server''s statistics: counting a million rows takes a page too long.';
comment on column taskbell.estimates.live is 'Queued and running ones.';
comment on column taskbell.estimates.finished is 'Succeeded, failed and cancelled ones that are still kept.';
