create or replace function taskbell.poll(
  worker uuid, named text[] default '{}', since double precision default null, walk_after text default ''
)
returns table (
  queue text, exclusive boolean, concurrency integer, paused boolean, holder uuid, free boolean, due boolean,
  next_due timestamptz, next_due_in double precision, turn bigint, clock double precision, walked_to text
)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  -- A worker keeps an exclusive queue that long without tasks, so it may as well have it that long before one is due.
  v_soon timestamptz := taskbell.now() + interval '60 seconds';
  v_worker taskbell.worker;
  v_paused boolean := exists (select from taskbell.installation as i where i.paused_at is not null);
  v_held text[];
  v_orphaned text[] := taskbell.orphaned_queues();
  v_queues text[];
  v_walked_to text := poll.walk_after;
  v_due timestamptz[];
  v_turns bigint[];
begin
  select * into v_worker from taskbell.worker as w where w.id = poll.worker;
  perform taskbell.rescue();
  v_held := array(select h.queue from taskbell.holder as h where h.worker = v_worker.id and not h.released);
  if v_worker.queues is not null then
    v_queues := v_worker.queues;
    v_walked_to := null;
  else
    if poll.walk_after is not null then
      select k.names, k.walked_to into v_queues, v_walked_to from taskbell.walk(v_worker.tasks, v_soon, poll.walk_after) as k;
    end if;
    -- A whole walk has seen them all.
    if poll.walk_after <> '' is not false or v_walked_to is not null then
      v_queues := v_queues || poll.named[:1000] || taskbell.configured_queues() || taskbell.newest_queues(poll.since);
    end if;
    v_queues := v_queues || array['default', 'public'];
  end if;

  -- What cannot be won at once need not be told at once; whose tasks it is decides, not how many there are. What is paused or
  -- another's comes last, as there may be more of it, for longer, than is told. Where a look is not sure that there is anything
  -- to do, a few at a time are tried: each costs a claim, for which all others wait.
  select
    coalesce(array_agg(t.name), '{}'), coalesce(array_agg(t.due), '{}'),
    coalesce(array_agg(t.turn + case when t.sure then 0 else 1000 end), '{}')
  into v_queues, v_due, v_turns
  from (
    select
      r.*, row_number() over (order by r.always desc, r.blocked, r.turn, r.due, r.name) as place,
      count(*) filter (where r.always) over () as always_told
    from (
      select
        a.name, a.always, a.blocked, a.sure, case when a.tried <= 10 then a.due end as due,
        row_number() over (partition by a.always, a.blocked, a.enqueued_by order by a.sure desc, a.due, a.name) as turn
      from (
        select
          m.*, case when m.sure then 0 else row_number() over (partition by m.sure order by m.main desc, random()) end as tried
        from (
          select
            l.name, l.enqueued_by, l.sure or l.name = any (v_orphaned) as sure, l.name = any (array['default', 'public']) as main,
            case when l.name = any (v_orphaned) then v_now else l.due end as due,
            q.exclusive is false or l.name = any (array['default', 'public'] || v_held || v_orphaned) as always,
            q.paused_at is not null or (
              coalesce(q.exclusive, true) and h.worker is distinct from v_worker.id and not h.released
              and h.renewed_at > v_now - taskbell.lock_life()
            ) is true as blocked
          from taskbell.look_into(v_queues || v_held || v_orphaned, v_worker.tasks, v_soon) as l
          left join taskbell.queue as q on q.name = l.name
          left join taskbell.holder as h on h.queue = l.name
        ) as m
        where v_worker.queues is null or m.name = any (v_worker.queues)
      ) as a
      where (a.due <= v_soon and a.tried <= 10) or a.always
    ) as r
  ) as t
  where t.place <= t.always_told + 300;

  if exists (
    select from unnest(v_queues) as n (name) where not exists (select from taskbell.queue as q where q.name = n.name)
  ) then
    perform taskbell.make_queues(v_queues);
  end if;

  return query
    select
      n.name, coalesce(q.exclusive, true), coalesce(q.concurrency, 1), v_paused or q.paused_at is not null, h.worker,
      h.worker is null or h.released or h.renewed_at <= v_now - taskbell.lock_life(),
      coalesce(n.due <= v_now, false), n.due, extract(epoch from n.due - v_now)::double precision,
      n.turn,
      -- as of the answer, not of the question: a poll may take a while
      extract(epoch from v_now + (clock_timestamp() - statement_timestamp()))::double precision,
      v_walked_to
    from unnest(v_queues, v_due, v_turns) as n (name, due, turn)
    left join taskbell.queue as q on q.name = n.name
    left join taskbell.holder as h on h.queue = n.name
    order by n.name;
end
$$;

comment on function taskbell.poll(uuid, text[], double precision, text) is
'For workers, once a second: what is there to do? Rescues first. One row a queue that this worker serves and in which a task that it knows is due or will be within 60 s (or more are queued that it does not know than a look goes through), that is held by it, shared, or "default" or "public", or that was held by a worker which has missed its beats for a lock''s life and has claims there.
Walks over the names of all queues, some 10,000 a call, from behind walk_after on (null: not at all); walked_to: where to go on, null after the last one. A call that does not walk over all of them looks at those named (1,000), those with settings (1,000), and those of the newest tasks (1,000) enqueued from "since" on as well.
paused: it, or everything. free: no live holder, so worth trying for its lock. due: a task is due; next_due(_in): when the first queued one is due (in so many seconds, of the database''s clock). turn: which to win first, so that each of those who enqueue has a turn before anybody has a second; beside what is told always, it tells the first 300 by their turn, last those that are paused or another''s. Of those that may hold nothing it knows, ten a call, by chance. since, clock: the database''s time, in seconds since 1970; clock as of the answer.';


create or replace function taskbell.make_queues(names text[]) returns void
language plpgsql volatile
set lock_timeout = '50ms'
as $$
begin
  insert into taskbell.queue as q (name)
  select n.name from unnest(make_queues.names) as n (name)
  where not exists (select from taskbell.queue as q where q.name = n.name)
  order by n.name
  on conflict on constraint queue_pkey do nothing;
exception
  -- Somebody's open transaction is making one of them; the queue works without its row, and the next poll tries again.
  when lock_not_available then null;
end
$$;

comment on function taskbell.make_queues(text[]) is
'Gives the queues that have no row one with the default settings, so that they can be seen and configured. Never waits longer than 50 ms.';
