create or replace function taskbell.heartbeat(
  worker uuid, queues text[], listening boolean, lock text, stopping boolean default false
) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_now timestamptz := taskbell.now();
  v_held text[];
  v_lost integer;
  v_cancel uuid[];
begin
  update taskbell.worker as w
  set beat_at = v_now, listening = heartbeat.listening, lock = heartbeat.lock, stopping = heartbeat.stopping
  where w.id = heartbeat.worker and w.stopped_at is null;
  if not found then
    -- One under way while its worker said goodbye is no stale one.
    if not heartbeat.stopping then
      perform taskbell.count('stale');
    end if;
    return jsonb_build_object('known', false, 'held', '[]'::jsonb, 'cancel', '[]'::jsonb);
  end if;

  with renewed as (
    update taskbell.holder as h set renewed_at = v_now
    where h.queue = any (heartbeat.queues) and h.worker = heartbeat.worker and not h.released
      and h.held_since >= taskbell.exclusive_since(h.queue)
    returning h.queue
  )
  select coalesce(array_agg(r.queue), '{}') into v_held from renewed as r;
  if cardinality(v_held) < cardinality(heartbeat.queues) then
    select count(*) into v_lost from taskbell.holder as h
    where h.queue = any (heartbeat.queues) and h.worker <> heartbeat.worker;
    if v_lost > 0 then
      perform taskbell.count('stale', v_lost);
    end if;
  end if;

  select coalesce(array_agg(l.id), '{}') into v_cancel
  from taskbell.live as l
  where l.worker = heartbeat.worker and l.cancel_requested_at is not null;
  return jsonb_build_object('known', true, 'held', to_jsonb(v_held), 'cancel', to_jsonb(v_cancel));
end
$$;

comment on function taskbell.heartbeat(uuid, text[], boolean, text, boolean) is
'For workers, every 1.5 s, from a process that a busy task cannot starve: "I am alive, and these exclusive queues are mine".
Renews the worker''s row, which is the lease of all its claims (30 s), and its holder rows of the queues named. Costs the same however many claims there are. Returns {"known": false: register again, "held": the queues still its own, "cancel": ids of its running tasks that were asked to stop}.
A beat of a worker that the database does not know (any more), or for a queue that another one holds, changes nothing there and is counted (stale_calls of taskbell.health).
A worker whose last good beat began 30 s ago (5 s for exclusive queues) must have stopped what it runs: from then on others may take it.';
