create or replace function taskbell.poll(worker uuid)
returns table (
  queue text, exclusive boolean, concurrency integer, paused boolean, holder uuid, free boolean, due boolean,
  next_due timestamptz, next_due_in double precision, clock double precision
)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_worker taskbell.worker;
  v_paused boolean := exists (select from taskbell.installation as i where i.paused_at is not null);
  v_queues text[];
begin
  select * into v_worker from taskbell.worker as w where w.id = poll.worker;
  perform taskbell.rescue();
  v_queues := taskbell.busy_queues(v_worker);

  perform taskbell.make_queues(v_queues);

  return query
    select
      n.name, coalesce(q.exclusive, true), coalesce(q.concurrency, 1), v_paused or q.paused_at is not null, h.worker,
      h.worker is null or h.released or h.renewed_at <= v_now - taskbell.lock_life(),
      coalesce(d.next_due <= v_now, false), d.next_due, extract(epoch from d.next_due - v_now)::double precision,
      -- as of the answer, not of the question: a poll may take a while
      extract(epoch from v_now + (clock_timestamp() - statement_timestamp()))::double precision
    from unnest(v_queues) as n (name)
    left join taskbell.queue as q on q.name = n.name
    left join taskbell.holder as h on h.queue = n.name
    left join lateral (select taskbell.next_due(n.name) as next_due) as d on true
    order by n.name;
end
$$;

comment on function taskbell.poll(uuid) is
'For workers, once a second: what is there to do? Rescues first. One row a queue that this worker serves and that has tasks, is held by it, or is "default" or "public"; of very many queues a part each time, in turn.
paused: it, or everything. free: no live holder, so worth trying for its lock. due: a task is due; next_due(_in): when the first queued one is due (in so many seconds, of the database''s clock). Both may speak of tasks that this worker does not know. clock: the database''s time, in seconds since 1970.';


create or replace function taskbell.make_queues(names text[]) returns void
language plpgsql volatile
set lock_timeout = '50ms'
as $$
begin
  if exists (
    select from unnest(make_queues.names) as n (name)
    where not exists (select from taskbell.queue as q where q.name = n.name)
  ) then
    insert into taskbell.queue as q (name)
    select n.name from unnest(make_queues.names) as n (name)
    where not exists (select from taskbell.queue as q where q.name = n.name)
    order by n.name
    on conflict on constraint queue_pkey do nothing;
  end if;
exception
  -- Somebody's open transaction is making one of them; the queue works without its row, and the next poll tries again.
  when lock_not_available then null;
end
$$;

comment on function taskbell.make_queues(text[]) is
'Gives the queues that have no row one with the default settings, so that they can be seen and configured. Never waits longer than 50 ms.';


create or replace function taskbell.busy_queues(worker taskbell.worker) returns text[]
language plpgsql volatile
as $$
declare
  c_most constant integer := 200;
  v_name text := (busy_queues.worker).poll_after;
  v_queues text[] := '{}';
begin
  -- From index entry to index entry: costs a look a queue, however many tasks they hold.
  for v_step in 1 .. c_most loop
    select l.queue into v_name from taskbell.live as l
    where l.status = 'queued' and l.queue > v_name order by l.queue limit 1;
    exit when v_name is null;
    v_queues := v_queues || v_name;
  end loop;
  -- More than one look's worth: the next poll goes on behind the last one, and then from the start again.
  if coalesce(v_name, '') <> (busy_queues.worker).poll_after then
    update taskbell.worker as w set poll_after = coalesce(v_name, '') where w.id = (busy_queues.worker).id;
  end if;
  return array(
    select distinct n.name
    from (
      select unnest(v_queues || array['default', 'public'])
      union all
      select h.queue from taskbell.holder as h where h.worker = (busy_queues.worker).id and not h.released
    ) as n (name)
    where (busy_queues.worker).queues is null or n.name = any ((busy_queues.worker).queues)
  );
end
$$;

comment on function taskbell.busy_queues(taskbell.worker) is
'The queues that a poll of this worker looks at: those with queued tasks (200 at a time, in turn), those it holds, "default" and "public"; of these what it serves.';


create or replace function taskbell.next_due(queue text) returns timestamptz
language plpgsql stable
as $$
declare
  v_rank integer := -101;
  v_first timestamptz;
  v_due timestamptz;
begin
  loop
    select f.rank, f.run_at into v_rank, v_first from taskbell.first_below(next_due.queue, v_rank) as f;
    exit when v_rank is null;
    v_due := least(v_due, v_first);
    exit when v_due <= taskbell.now();
  end loop;
  return v_due;
end
$$;

comment on function taskbell.next_due(text) is
'When the first queued task of this queue is due; null: none is queued. A look into the index a priority in use.';
