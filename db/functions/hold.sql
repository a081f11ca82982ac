create or replace function taskbell.hold(worker uuid, queue text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_now timestamptz := taskbell.now();
  v_before taskbell.holder;
begin
  -- FOR UPDATE waits for nobody, and a claim's FOR KEY SHARE keeps it off: a claim and a take-over never overlap.
  select * into v_before from taskbell.holder as h where h.queue = hold.queue for update skip locked;
  if not found then
    if taskbell.others_run(hold.worker, hold.worker, hold.queue) then
      return false;
    end if;
    insert into taskbell.holder as h (queue, worker, held_since, renewed_at)
    values (hold.queue, hold.worker, v_now, v_now)
    on conflict on constraint holder_pkey do nothing;
    return found;
  end if;
  if v_before.worker = hold.worker and not v_before.released then
    if v_before.held_since < taskbell.exclusive_since(hold.queue) then
      if taskbell.others_run(hold.worker, hold.worker, hold.queue) then
        return false;
      end if;
      v_before.held_since := v_now;
    end if;
    update taskbell.holder as h set renewed_at = v_now, held_since = v_before.held_since where h.queue = hold.queue;
    return true;
  end if;
  if not v_before.released and v_before.renewed_at > v_now - taskbell.lock_life() then
    return false;
  end if;
  if taskbell.others_run(hold.worker, v_before.worker, hold.queue) then
    return false;
  end if;
  update taskbell.holder as h
  set worker = hold.worker, held_since = v_now, renewed_at = v_now, released = false
  where h.queue = hold.queue;
  if v_before.worker <> hold.worker then
    perform taskbell.take_back(v_before.worker, hold.queue);
  end if;
  return true;
end
$$;

comment on function taskbell.hold(uuid, text) is
'For workers: become the one worker of an exclusive queue. Call it after the Redis lock was won; without Redis this row is the lock. True: held (again).
Given when nobody holds it, its holder released it, or the holder''s last renewal is one lock life (5 s) old; then the predecessor''s claims go back to the queue, the first "concurrency" of them charged an attempt.
Refused, too, while other workers'' claims of this queue are alive (it was not exclusive until now). Never waits.';


create or replace function taskbell.others_run(worker uuid, predecessor uuid, queue text) returns boolean
language sql stable
as $$
  select exists (
    select from taskbell.live as l
    where l.status = 'running' and l.queue = others_run.queue
      and l.worker <> others_run.worker and l.worker <> others_run.predecessor
  )
$$;

comment on function taskbell.others_run(uuid, uuid, text) is
'Does any worker but these two have claims in this queue? Their own end, or the rescue, removes them.';


create or replace function taskbell.exclusive_since(queue text) returns timestamptz
language sql stable
as $$
  select coalesce(
    (select q.exclusive_since from taskbell.queue as q where q.name = exclusive_since.queue), '-infinity'::timestamptz
  )
$$;

comment on function taskbell.exclusive_since(text) is
'When this queue was last made exclusive again; a holder from before that moment holds nothing.';


create or replace function taskbell.unhold(worker uuid, queue text) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
begin
  update taskbell.holder as h set released = true
  where h.queue = unhold.queue and h.worker = unhold.worker and not h.released;
  if found and taskbell.may_ring() then
    perform pg_notify('taskbell_wake', unhold.queue);
  end if;
end
$$;

comment on function taskbell.unhold(uuid, text) is
'For workers: give an exclusive queue up, after its claims were completed or released. Rings taskbell_wake, so that the next one takes over at once.';
