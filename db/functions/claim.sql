create or replace function taskbell.claim(
  worker uuid,
  queue text,
  tasks text[],
  batch integer,
  from_priority integer default null,
  from_run_at timestamptz default null,
  from_id uuid default null
) returns table (
  id uuid, token uuid, task text, payload text, attempt integer, max_attempts integer, timeout double precision,
  priority integer, run_at timestamptz, created_at timestamptz
)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_token uuid := gen_random_uuid();
  v_left integer := claim.batch;
  v_rank integer := -claim.from_priority;
  v_from timestamptz := coalesce(claim.from_run_at, '-infinity');
  v_from_id uuid := coalesce(claim.from_id, '00000000-0000-0000-0000-000000000000');
  v_first timestamptz := v_from;
  v_may boolean;
  v_taken integer;
begin
  if v_rank is null then
    select f.rank, f.run_at into v_rank, v_first from taskbell.first_below(claim.queue, -101) as f;
  end if;
  -- Level by level, so that tasks of a high priority that are not due yet never stand in the way of lower ones that are.
  while v_rank is not null and v_left > 0 loop
    if v_first <= v_now then
      -- Asked only now: it locks a row, and a look that finds nothing should write nothing, or its commit waits for the disk.
      v_may := coalesce(v_may, taskbell.may_claim(claim.worker, claim.queue));
      exit when not v_may;
      return query
        with claimed as (
          update taskbell.live as l
          set status = 'running', attempt = l.attempt + 1, seq = l.seq + 1, token = v_token, worker = claim.worker,
            claimed_at = v_now, started_at = null, progress = null
          -- The array form: as a join this becomes a hash join over the whole table under a generic plan.
          where l.id = any (array(
            select c.id from taskbell.live as c
            where c.queue = claim.queue and c.status = 'queued' and (-c.priority) = v_rank
              and (c.run_at, c.id) >= (v_from, v_from_id) and c.run_at <= v_now
              and c.task = any (claim.tasks)
            order by c.run_at, c.id
            limit v_left
            for update skip locked
          ))
          returning
            l.id, l.task, l.payload::text as payload, l.attempt, l.max_attempts, l.timeout, l.priority, l.run_at, l.created_at
        )
        select
          c.id, v_token, c.task, c.payload, c.attempt, c.max_attempts, extract(epoch from c.timeout)::double precision,
          c.priority, c.run_at, c.created_at
        from claimed as c
        order by c.run_at, c.id;
      get diagnostics v_taken = row_count;
      v_left := v_left - v_taken;
      v_from := '-infinity';
      v_from_id := '00000000-0000-0000-0000-000000000000';
      exit when v_left <= 0;
    end if;
    select f.rank, f.run_at into v_rank, v_first from taskbell.first_below(claim.queue, v_rank) as f;
  end loop;
end
$$;

comment on function taskbell.claim(uuid, text, text[], integer, integer, timestamptz, uuid) is
'For workers: up to batch due tasks of the names given, now running, in the order in which to run them (priority, run_at, id). attempt counts this run; timeout in seconds; payload as text.
token is the fence, one a claim: whoever reports with another changes nothing. Nothing from a paused queue, nor from an exclusive one that the worker does not hold.
from_*: where a busy loop goes on looking (the first row of its last claim, less an overlap), so that it does not walk over the dead rows of what it has claimed before; leave out to look from the start.
Locks the rows it takes, skipping locked ones, and an exclusive queue''s holder row (key share).';


create or replace function taskbell.first_below(queue text, after integer) returns table (rank integer, run_at timestamptz)
language sql stable
as $$
  select -l.priority, l.run_at from taskbell.live as l
  where l.queue = first_below.queue and l.status = 'queued' and (-l.priority) > first_below.after
  order by (-l.priority), l.run_at, l.id limit 1
$$;

comment on function taskbell.first_below(text, integer) is
'The next lower priority that has queued tasks, as its negative (the order of the index live_to_claim), and when the first of them is due.';


create or replace function taskbell.may_claim(worker uuid, queue text) returns boolean
language plpgsql volatile
as $$
declare
  v_exclusive boolean;
  v_since timestamptz;
begin
  select coalesce(q.exclusive, true), coalesce(q.exclusive_since, '-infinity') into v_exclusive, v_since
  from taskbell.worker as w
  cross join taskbell.installation as i
  left join taskbell.queue as q on q.name = may_claim.queue
  where w.id = may_claim.worker and w.stopped_at is null
    -- A silent worker's claims would be taken back at once.
    and w.beat_at > taskbell.now() - taskbell.lease()
    and i.paused_at is null and q.paused_at is null;
  if not found or not v_exclusive then
    return found;
  end if;
  perform from taskbell.holder as h
  where h.queue = may_claim.queue and h.worker = may_claim.worker and not h.released
    and h.renewed_at > taskbell.now() - taskbell.lock_life() and h.held_since >= v_since
  for key share skip locked;
  return found;
end
$$;

comment on function taskbell.may_claim(uuid, text) is
'May this worker claim from this queue now? Not when it is paused, nor after a lease (30 s) without a beat; an exclusive one only as its holder, renewed within the lock''s life. Locks the holder row (key share) to the end of the claim, so that no take-over happens in between.';
