create or replace function taskbell.find_key(key text) returns setof uuid
language sql stable security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
  -- One step a queue along the primary key (queue, key): fast without an index on the key alone, which every enqueue would pay for.
  with recursive queues (name) as (
    (select i.queue from taskbell.idempotency as i order by i.queue limit 1)
    union all
    select (select i.queue from taskbell.idempotency as i where i.queue > q.name order by i.queue limit 1)
    from queues as q where q.name is not null
  )
  select i.id from queues as q join taskbell.idempotency as i on i.queue = q.name and i.key = find_key.key
  where q.name is not null
  limit 1000
$$;

comment on function taskbell.find_key(text) is
'The tasks with this idempotency key, in whichever queue: at most one a queue, at most 1,000. For readers.';
