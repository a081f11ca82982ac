create or replace function taskbell.rescue() returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
-- A plan made while nothing was queued would read all of live once a second.
set enable_seqscan = off
set jit = off
as $$
declare
  v_now timestamptz := taskbell.now();
  v_dead record;
  v_count integer := 0;
begin
  for v_dead in
    -- From the silent workers to their rows: a living one's dead entries in the index are never walked.
    select distinct l.worker, l.queue
    from taskbell.worker as w cross join lateral (
      select c.worker, c.queue from taskbell.live as c where c.status = 'running' and c.worker = w.id offset 0
    ) as l
    where w.stopped_at is not null or w.beat_at < v_now - taskbell.lease()
    order by l.worker, l.queue
  loop
    v_count := v_count + taskbell.take_back(v_dead.worker, v_dead.queue);
  end loop;
  return v_count;
end
$$;

comment on function taskbell.rescue() is
'Takes back the claims of workers that have not beaten for a lease (30 s). Part of every poll of every worker, so it needs no leader; anybody may call it at any time. Returns how many tasks it took back.
A task''s own lock, key or queue cannot block it; rows that others hold are skipped until the next time.';


create or replace function taskbell.take_back(worker uuid, queue text) returns integer
language plpgsql volatile
as $$
declare
  v_row record;
  v_task taskbell.live;
  v_count integer := 0;
  v_name text := coalesce((select w.name from taskbell.worker as w where w.id = take_back.worker), take_back.worker::text);
begin
  -- Tasks run in the order of their claim, so of a dead worker's the first "concurrency" unfinished ones had begun.
  for v_row in
    select l.id, l.token, l.started_at is not null or row_number() over (
      order by l.claimed_at, -l.priority, l.run_at, l.id
    ) <= coalesce((select q.concurrency from taskbell.queue as q where q.name = take_back.queue), 1) as begun
    from taskbell.live as l
    where l.status = 'running' and l.worker = take_back.worker and l.queue = take_back.queue
    order by l.claimed_at, -l.priority, l.run_at, l.id
  loop
    v_task := taskbell.fenced(v_row.id, v_row.token);
    continue when v_task.id is null;
    perform taskbell.give_back(v_task, v_row.begun, v_row.begun, 'lost', format('worker %s stopped answering', v_name));
    v_count := v_count + 1;
  end loop;
  if v_count > 0 then
    perform taskbell.count('lost', v_count);
  end if;
  return v_count;
end
$$;

comment on function taskbell.take_back(uuid, text) is
'Returns a dead worker''s claims in one queue: the first "concurrency" of them charged with a lost attempt (failed if it was the last), the rest free.';


create or replace function taskbell.orphaned_queues() returns text[]
language sql stable
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
as $$
  select array(
    select h.queue
    from taskbell.worker as w
    cross join lateral (
      select c.queue from taskbell.live as c where c.status = 'running' and c.worker = w.id group by c.queue
    ) as l
    join taskbell.holder as h on h.queue = l.queue and h.worker = w.id
    where w.beat_at <= taskbell.now() - taskbell.lock_life() and w.stopped_at is null
      and not h.released and h.renewed_at <= taskbell.now() - taskbell.lock_life()
    limit 1000
  )
$$;

comment on function taskbell.orphaned_queues() is
'The exclusive queues, 1,000 at most, whose holder has missed its beats for a lock''s life and has claims there: whoever wins one takes them back, so somebody must want it, though nothing may be queued.';
