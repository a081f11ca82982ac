create or replace function taskbell.complete(
  ids uuid[],
  tokens uuid[],
  ages double precision[],
  results jsonb,
  ends double precision[] default null,
  sent double precision default null
) returns table (id uuid, refusal text)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan
as $$
begin
  -- Nearly always nobody else holds one of these rows, and then this is the cheapest way.
  return query
    select r.id, r.refusal
    from taskbell.complete_rows(
      complete.ids, complete.tokens, complete.ages, complete.results, complete.ends, complete.sent
    ) as r;
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
          array_agg(complete.ages[m.ord]) as ages, jsonb_agg(complete.results -> (m.ord - 1)::integer) as results,
          array_agg(complete.ends[m.ord]) as ends
        from mine as m
      ) as a, taskbell.complete_rows(a.ids, a.tokens, a.ages, a.results, a.ends, complete.sent) as r
      where a.ids is not null
      union all
      select t.id, 'busy'
      from unnest(complete.ids) with ordinality as t (id, ord)
      where not exists (select from mine as m where m.ord = t.ord);
end
$$;

comment on function taskbell.complete(uuid[], uuid[], double precision[], jsonb, double precision[], double precision) is
'For workers: these runs succeeded. By position: the task, its claim''s token, the seconds since its run began (the worker''s own monotonic clock), its result (results: a JSON array), the seconds since it ended (null: just now).
sent: when the worker sent this, in seconds since 1970 of the database''s clock as it knows it from poll() (null: now). What the seconds are counted from, so that the times of one worker''s runs fit together.
Returns only what was not accepted: "stale", the claim is no longer this one (somebody else ran or cancelled it; nothing changed, and it was counted), or "busy", another transaction holds the row: try again.
One statement: out of live, into finished, rings.';


create or replace function taskbell.complete_rows(
  ids uuid[],
  tokens uuid[],
  ages double precision[],
  results jsonb,
  ends double precision[],
  sent double precision
) returns table (id uuid, refusal text)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_sent timestamptz := taskbell.sent_at(complete_rows.sent);
  v_stored uuid[];
begin
  -- No "and status = 'running'": the planner would walk the index of the running and its dead entries. The token says it all.
  with outcome as materialized (
    select o.id, o.token, o.age, o.result, coalesce(o.gone, 0) as gone
    from rows from (
      unnest(complete_rows.ids), unnest(complete_rows.tokens), unnest(complete_rows.ages),
      jsonb_array_elements(complete_rows.results), unnest(complete_rows.ends)
    ) as o (id, token, age, result, gone)
  ),
  gone as (
    delete from taskbell.live as l using outcome as o
    where l.id = o.id and l.token = o.token
    returning l.*, o.age, o.result, o.gone, greatest(l.claimed_at, v_sent - make_interval(secs => o.age)) as began_at
  ),
  stored as (
    insert into taskbell.finished (
      id, status, queue, task, priority, run_at, attempt, max_attempts, timeout, payload, seq, runs, created_at, enqueued_by,
      idempotency_key, worker, started_at, finished_at, progress, result, cancel_requested_at, cancelled_by, cancel_reason,
      expires_at
    )
    select
      g.id, 'succeeded', g.queue, g.task, g.priority, g.run_at, g.attempt, g.max_attempts, g.timeout, g.payload, g.seq + 1,
      g.runs, g.created_at, g.enqueued_by, g.idempotency_key, g.worker,
      g.began_at, greatest(g.began_at, v_sent - make_interval(secs => g.gone)), g.progress, g.result,
      g.cancel_requested_at, g.cancelled_by, g.cancel_reason, v_now + coalesce(q.keep_succeeded, interval '7 days')
    from gone as g left join taskbell.queue as q on q.name = g.queue
    returning id
  )
  select coalesce(array_agg(s.id), '{}') into v_stored from stored as s;

  if cardinality(v_stored) < cardinality(complete_rows.ids) then
    return query select t.id, 'stale' from unnest(complete_rows.ids) as t (id) where t.id <> all (v_stored);
    perform taskbell.count('stale', cardinality(complete_rows.ids) - cardinality(v_stored));
  end if;
end
$$;

comment on function taskbell.complete_rows(uuid[], uuid[], double precision[], jsonb, double precision[], double precision) is
'The work of complete(): moves the fenced rows from live to finished. Waits for a row that somebody else has locked.';


create or replace function taskbell.sent_at(sent double precision) returns timestamptz
language sql stable
as $$
  select least(coalesce(to_timestamp(sent), taskbell.now()), taskbell.now())
$$;

comment on function taskbell.sent_at(double precision) is
'The moment that a worker''s report counts its seconds from: when it says it sent it, never later than now; now if it does not say.';
