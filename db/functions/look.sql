create or replace function taskbell.walk(
  tasks text[], until timestamptz, walk_after text, out names text[], out walked_to text
)
language plpgsql stable
-- Always along the index, whatever the table was like when this was planned: an empty one invites to scan and sort it. Up to
-- Postgres 17 what is off and done all the same, as a scan of a small table, counts as so dear that it would be compiled first.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  c_looks constant integer := 10000;
  c_found constant integer := 1000;
  v_end timestamptz;
  v_looks integer := 0;
  v_step integer := 4;
  v_rows integer;
  v_queues integer;
  v_last text;
  v_found text[];
begin
  names := '{}';
  walked_to := walk.walk_after;
  loop
    -- A few tasks further along the index: many small queues in a step, of a large one only its beginning.
    select sum(g.count), count(*), max(g.queue), coalesce(array_agg(g.queue) filter (where g.known), '{}')
    into v_rows, v_queues, v_last, v_found
    from (
      select c.queue, count(*) as count, bool_or(c.run_at <= walk.until and c.task = any (walk.tasks)) as known
      from (
        select l.queue, l.run_at, l.task from taskbell.live as l
        where l.status = 'queued' and l.queue > walked_to
        order by l.queue, (-l.priority), l.run_at, l.id limit v_step
      ) as c
      group by c.queue
    ) as g;
    names := names || v_found;
    if v_rows < v_step is not false then
      walked_to := null;
      return;
    end if;
    -- Of the last one there may be more.
    if v_last <> all (v_found) then
      names := names || v_last;
    end if;
    walked_to := v_last;
    v_looks := v_looks + v_queues;
    -- Counted from after the first step, which may walk over very many dead rows: else all that gets are more and more parts.
    v_end := coalesce(v_end, clock_timestamp() + interval '100 milliseconds');
    exit when v_looks >= c_looks or cardinality(names) >= c_found or clock_timestamp() > v_end;
    v_step := case when v_queues * 2 >= v_step then least(v_step * 4, 1000) else 4 end;
  end loop;
end
$$;

comment on function taskbell.walk(text[], timestamptz, text) is
'The queues behind this name, in their order, in which one of these tasks is due by then, or may be: looks at some 10,000 names, for some 0.1 s, tells some 1,000, and how far it came; null: to the end.';


create or replace function taskbell.look_into(names text[], tasks text[], until timestamptz)
returns table (name text, due timestamptz, enqueued_by text, sure boolean)
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  c_priorities constant integer := 4;
  v_now timestamptz := taskbell.now();
  v_looked integer;
  v_rank integer;
  v_due timestamptz;
  v_task text;
  v_by text;
  v_sure boolean;
begin
  for name, v_rank, v_due, v_task, v_by in
    select n.name, f.rank, f.due, f.task, f.enqueued_by
    from (select u.name from unnest(look_into.names) as u (name) group by u.name) as n
    left join lateral taskbell.first_of(n.name, -101) as f on true
  loop
    due := null;
    enqueued_by := null;
    sure := true;
    v_looked := 0;
    while v_rank is not null loop
      -- There may be 201 of them in each of very many queues. So many say: look yourself.
      if v_looked = c_priorities then
        due := v_now;
        enqueued_by := v_by;
        sure := false;
        exit;
      end if;
      v_looked := v_looked + 1;
      v_sure := true;
      if v_due <= look_into.until and v_task <> all (look_into.tasks) then
        select f.due, f.enqueued_by, f.known into v_due, v_by, v_sure
        from taskbell.first_known(name, v_rank, look_into.tasks) as f;
      end if;
      if v_due < due or due is null then
        due := v_due;
        enqueued_by := v_by;
        sure := v_sure;
        exit when due <= v_now;
      end if;
      select f.rank, f.due, f.task, f.enqueued_by into v_rank, v_due, v_task, v_by
      from taskbell.first_of(name, v_rank) as f;
    end loop;
    return next;
  end loop;
end
$$;

comment on function taskbell.look_into(text[], text[], timestamptz) is
'Of each of these queues: when the first of these tasks is due (null: none of them will be by then; what is due later may be another task), and who enqueued it. Looks into the index at the first four priorities in use; where nothing is due in them and there are more, it says now. Not sure: there may be nothing that is one of these.';


create or replace function taskbell.first_of(queue text, after integer)
returns table (rank integer, due timestamptz, task text, enqueued_by text)
language sql stable
as $$
  select -l.priority, l.run_at, l.task, l.enqueued_by from taskbell.live as l
  where l.queue = first_of.queue and l.status = 'queued' and (-l.priority) > first_of.after
  order by (-l.priority), l.run_at, l.id limit 1
$$;

comment on function taskbell.first_of(text, integer) is
'As taskbell.first_below(), and which task the first of that priority is, and whose.';


create or replace function taskbell.first_known(queue text, rank integer, tasks text[])
returns table (due timestamptz, enqueued_by text, known boolean)
language sql stable
as $$
  select k.run_at, k.enqueued_by, k.task = any (first_known.tasks) from (
    select l.run_at, l.id, l.task, l.enqueued_by, row_number() over (order by l.run_at, l.id) as place
    from taskbell.live as l
    where l.queue = first_known.queue and l.status = 'queued' and (-l.priority) = first_known.rank
    order by l.run_at, l.id limit 100
  ) as k
  where k.task = any (first_known.tasks) or k.place = 100
  order by k.run_at, k.id limit 1
$$;

comment on function taskbell.first_known(text, integer, text[]) is
'Of the first 100 queued tasks of one priority, the first that is one of these; none is: the hundredth, which is not known, as there may be one behind it.';


create or replace function taskbell.newest_queues(since double precision) returns text[]
language plpgsql stable
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
set enable_sort = off
as $$
declare
  -- The first id that can have been made then.
  v_first uuid := (
    lpad(to_hex((newest_queues.since * 1000)::bigint), 12, '0') || '70008000000000000000'
  )::uuid;
begin
  return array(
    select n.queue
    from (select l.queue, l.status from taskbell.live as l where l.id >= v_first order by l.id desc limit 1000) as n
    where n.status = 'queued' group by n.queue
  );
end
$$;

comment on function taskbell.newest_queues(double precision) is
'The queues of the newest 1,000 tasks, of those enqueued from this moment (in seconds since 1970) on; null: none.';


create or replace function taskbell.configured_queues() returns text[]
language sql stable
set enable_seqscan = off
set jit = off
set enable_bitmapscan = off
as $$
  select array(
    select q.name from taskbell.queue as q
    where not q.exclusive or q.concurrency <> 1 or q.paused_at is not null
      or num_nonnulls(q.max_depth, q.max_attempts, q.timeout, q.keep_succeeded, q.keep_failed) > 0
    order by q.name limit 1000
  )
$$;

comment on function taskbell.configured_queues() is
'The queues to which an operator gave settings of their own, the first 1,000.';
