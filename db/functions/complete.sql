create or replace function taskbell.complete(ids uuid[], tokens uuid[], ages double precision[], results jsonb)
returns table (id uuid, refusal text)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan
as $$
begin
  -- Nearly always nobody else holds one of these rows, and then this is the cheapest way.
  return query select r.id, r.refusal from taskbell.complete_rows(complete.ids, complete.tokens, complete.ages, complete.results) as r;
exception
  when lock_not_available then
    return query
      with mine as (
        select t.ord
        from unnest(complete.ids) with ordinality as t (id, ord)
        where exists (select from taskbell.live as l where l.id = t.id for update skip locked)
          or not exists (select from taskbell.live as l where l.id = t.id)
      )
      select r.id, r.refusal
      from (
        select array_agg(complete.ids[m.ord]) as ids, array_agg(complete.tokens[m.ord]) as tokens,
          array_agg(complete.ages[m.ord]) as ages, jsonb_agg(complete.results -> (m.ord - 1)::integer) as results
        from mine as m
      ) as a, taskbell.complete_rows(a.ids, a.tokens, a.ages, a.results) as r
      where a.ids is not null
      union all
      select t.id, 'busy'
      from unnest(complete.ids) with ordinality as t (id, ord)
      where not exists (select from mine as m where m.ord = t.ord);
end
$$;

comment on function taskbell.complete(uuid[], uuid[], double precision[], jsonb) is
'For workers: these runs succeeded. By position: the task, its claim''s token, the seconds since its run began (the worker''s own monotonic clock), its result (results: a JSON array).
Returns only what was not accepted: "stale", the claim is no longer this one (somebody else ran or cancelled it; nothing changed, and it was counted), or "busy", another transaction holds the row: try again.
One statement: out of live, into finished, rings.';


create or replace function taskbell.complete_rows(ids uuid[], tokens uuid[], ages double precision[], results jsonb)
returns table (id uuid, refusal text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_stored integer;
begin
  -- No "and status = 'running'": the planner would walk the lease index and its dead entries. The token says it all.
  with outcome as materialized (
    select o.id, o.token, o.age, o.result
    from rows from (
      unnest(complete_rows.ids), unnest(complete_rows.tokens), unnest(complete_rows.ages), jsonb_array_elements(complete_rows.results)
    ) as o (id, token, age, result)
  ),
  gone as (
    delete from taskbell.live as l using outcome as o
    where l.id = o.id and l.token = o.token
    returning l.*, o.age, o.result
  )
  insert into taskbell.finished (
    id, status, queue, task, priority, run_at, attempt, max_attempts, timeout, payload, seq, runs, created_at, enqueued_by,
    idempotency_key, worker, started_at, finished_at, progress, result, cancel_requested_at, cancelled_by, cancel_reason,
    expires_at
  )
  select
    g.id, 'succeeded', g.queue, g.task, g.priority, g.run_at, g.attempt, g.max_attempts, g.timeout, g.payload, g.seq + 1,
    g.runs, g.created_at, g.enqueued_by, g.idempotency_key, g.worker,
    greatest(g.claimed_at, v_now - make_interval(secs => g.age)), v_now, g.progress, g.result,
    g.cancel_requested_at, g.cancelled_by, g.cancel_reason, v_now + coalesce(q.keep_succeeded, interval '7 days')
  from gone as g left join taskbell.queue as q on q.name = g.queue;
  get diagnostics v_stored = row_count;

  if v_stored < cardinality(complete_rows.ids) then
    return query
      select t.id, 'stale' from unnest(complete_rows.ids, complete_rows.tokens) as t (id, token)
      where not exists (
        select from taskbell.finished as f where f.id = t.id and f.finished_at = v_now and f.status = 'succeeded'
      );
    perform taskbell.count('stale', cardinality(complete_rows.ids) - v_stored);
  end if;
end
$$;

comment on function taskbell.complete_rows(uuid[], uuid[], double precision[], jsonb) is
'The work of complete(): moves the fenced rows from live to finished. Waits for a row that somebody else has locked.';
