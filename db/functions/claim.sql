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
  v_taken integer;
begin
  if not taskbell.may_claim(claim.worker, claim.queue) then
    return;
  end if;
  if v_rank is null then
    v_rank := taskbell.next_rank(claim.queue, -101);
  end if;
  -- Level by level, so that tasks of a high priority that are not due yet never stand in the way of lower ones that are.
  while v_rank is not null and v_left > 0 loop
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
        returning l.id, l.task, l.payload::text as payload, l.attempt, l.max_attempts, l.timeout, l.priority, l.run_at, l.created_at
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
    v_rank := taskbell.next_rank(claim.queue, v_rank);
  end loop;
end
$$;

comment on function taskbell.claim(uuid, text, text[], integer, integer, timestamptz, uuid) is
'For workers: up to batch due tasks of the names given, now running, in the order in which to run them (priority, run_at, id). attempt counts this run; timeout in seconds; payload as text.
token is the fence, one a claim: whoever reports with another changes nothing. Nothing from a paused queue, nor from an exclusive one that the worker does not hold.
from_*: where a busy loop goes on looking (the first row of its last claim, less an overlap), so that it does not walk over the dead rows of what it has claimed before; leave out to look from the start.
Locks the rows it takes, skipping locked ones, and an exclusive queue''s holder row (key share).';


create or replace function taskbell.next_rank(queue text, after integer) returns integer
language sql stable
as $$
  select -l.priority from taskbell.live as l
  where l.queue = next_rank.queue and l.status = 'queued' and (-l.priority) > next_rank.after
  order by (-l.priority) limit 1
$$;

comment on function taskbell.next_rank(text, integer) is
'The next lower priority that has queued tasks, as its negative (the order of the index live_to_claim).';


create or replace function taskbell.may_claim(worker uuid, queue text) returns boolean
language plpgsql volatile
as $$
begin
  if exists (select from taskbell.installation as i where i.paused_at is not null)
    or exists (select from taskbell.queue as q where q.name = may_claim.queue and q.paused_at is not null)
    -- A silent worker's claims would be taken back at once.
    or not exists (
      select from taskbell.worker as w
      where w.id = may_claim.worker and w.stopped_at is null and w.beat_at > taskbell.now() - taskbell.lease()
    )
  then
    return false;
  end if;
  if exists (select from taskbell.queue as q where q.name = may_claim.queue and not q.exclusive) then
    return true;
  end if;
  perform from taskbell.holder as h
  where h.queue = may_claim.queue and h.worker = may_claim.worker and not h.released
    and h.renewed_at > taskbell.now() - taskbell.lock_life()
    and h.held_since >= taskbell.exclusive_since(h.queue)
  for key share skip locked;
  return found;
end
$$;

comment on function taskbell.may_claim(uuid, text) is
'May this worker claim from this queue now? Not when it is paused, nor after a lease (30 s) without a beat; an exclusive one only as its holder, renewed within the lock''s life. Locks the holder row (key share) to the end of the claim, so that no take-over happens in between.';
