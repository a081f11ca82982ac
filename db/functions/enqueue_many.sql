create or replace function taskbell.enqueue_many(tasks jsonb)
returns table ("position" integer, id uuid, created boolean)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_actor text := taskbell.actor();
  v_keyed boolean;
  v_new uuid[];    -- the ids made for this batch
  v_ids uuid[];    -- the ids answered: a repeated key answers with the task that has it
  v_bounded text[];  -- the queues that got some and have a max_depth
begin
  v_keyed := taskbell.check_items(tasks);
  v_new := taskbell.uuid7s(jsonb_array_length(tasks));
  v_ids := case when v_keyed then taskbell.claim_keys(tasks, v_new) else v_new end;

  with fresh as (
    insert into taskbell.live (
      id, queue, task, payload, priority, run_at, max_attempts, timeout, created_at, enqueued_by, idempotency_key
    )
    select
      v_new[i.ord], coalesce(i.queue, y.queue, 'default'), i.task, i.payload, i.priority, coalesce(i.run_at, v_now),
      coalesce(i.max_attempts, y.max_attempts, q.max_attempts, 3),
      coalesce(i.timeout, y.timeout, q.timeout, interval '1 hour'),
      v_now, v_actor, i.idempotency_key
    from taskbell.items(tasks) as i
    left join taskbell.task_type as y on y.name = i.task
    left join taskbell.queue as q on q.name = coalesce(i.queue, y.queue, 'default')
    where v_new[i.ord] = v_ids[i.ord]
    -- A hash join may turn the rows round; ids that grow fill the ends of the indexes and no page twice.
    order by i.ord
    returning queue
  )
  select array_agg(q.name) into v_bounded
  from taskbell.queue as q where q.max_depth is not null and q.name in (select f.queue from fresh as f);

  perform taskbell.check_depth(q.name, q.max_depth, 0) from taskbell.queue as q where q.name = any (v_bounded);

  return query
    select o.ord::integer, o.id, o.id = v_new[o.ord] from unnest(v_ids) with ordinality as o (id, ord);
end
$$;

comment on function taskbell.enqueue_many(jsonb) is
'Enqueues an array of {"task", "payload", "queue", "priority", "run_at", "max_attempts", "timeout" (seconds), "idempotency_key"} in one statement, all or nothing; only "task" is required.

  select * from taskbell.enqueue_many(''[{"task": "echo", "payload": {"n": 1}}, {"task": "echo"}]'');

Returns a row each, in order: "position" from 1, the id, and whether it was created (false: its idempotency key has that task already).
Errors and locks: as taskbell.enqueue(); the message names the first wrong one by position.';


create or replace function taskbell.items(tasks jsonb)
returns table (
  ord bigint, odd text, task text, payload jsonb, queue text, priority numeric, run_at timestamptz, max_attempts numeric,
  timeout interval, idempotency_key text
)
language sql stable
as $$
  select
    t.ord,
    case
      when t.item - '{task,payload,queue,priority,run_at,max_attempts,timeout,idempotency_key}'::text[] <> '{}'
        then 'it has a key that is none of task, payload, queue, priority, run_at, max_attempts, timeout, idempotency_key'
      when t.timeout not between 1 and 604800
        then format('timeout %s is not between 1 and 604800 seconds', t.timeout)
    end,
    t.task,
    coalesce(t.payload, '{}'),
    t.queue,
    coalesce(t.priority, 0),
    t.run_at,
    t.max_attempts,
    case when t.timeout between 1 and 604800 then make_interval(secs => t.timeout::double precision) end,
    t.idempotency_key
  from rows from (
    jsonb_to_recordset(items.tasks) as (
      task text, payload jsonb, queue text, priority numeric, run_at timestamptz, max_attempts numeric, timeout numeric,
      idempotency_key text
    ),
    jsonb_array_elements(items.tasks)
  ) with ordinality as t (task, payload, queue, priority, run_at, max_attempts, timeout, idempotency_key, item, ord)
$$;

comment on function taskbell.items(jsonb) is
'The array given to enqueue_many() as rows; odd: what is wrong with the object itself, as a sentence.';


create or replace function taskbell.check_items(tasks jsonb) returns boolean
language plpgsql stable
as $$
declare
  v_bad record;
  v_keyed boolean;
  v_names text;
begin
  if tasks is null or jsonb_typeof(tasks) <> 'array' then
    raise exception using errcode = 'TB005', message = 'tasks is not a JSON array';
  end if;
  -- In one pass without a sort: this runs for every row of every batch.
  select
    min(c.ord) filter (where c.flaw is not null) as ord,
    bool_or(c.keyed) as keyed,
    array_agg(c.task) filter (where c.task not in (select y.name from taskbell.task_type as y)) as unknown
  into v_bad
  from (
    select
      i.ord, i.task, i.idempotency_key is not null as keyed,
      coalesce(i.odd, taskbell.flaw(
        i.task, i.payload, i.queue, i.priority, i.run_at, i.max_attempts, i.timeout, i.idempotency_key
      )) as flaw
    from taskbell.items(tasks) as i
  ) as c;
  if v_bad.ord is not null then
    raise exception using errcode = 'TB005', message = (
      select format('task %s: %s', i.ord, coalesce(i.odd, taskbell.flaw(
        i.task, i.payload, i.queue, i.priority, i.run_at, i.max_attempts, i.timeout, i.idempotency_key
      )))
      from taskbell.items(tasks) as i where i.ord = v_bad.ord
    );
  end if;
  v_keyed := coalesce(v_bad.keyed, false);
  if v_bad.unknown is not null then
    select string_agg(distinct format('"%s"', u.name), ', ') into v_names from unnest(v_bad.unknown) as u (name);
    raise warning using message = format('no worker has registered a task named %s', left(v_names, 1000)),
      hint = 'They wait; when nobody has known them for 10 minutes while workers run, they fail.';
  end if;
  return v_keyed;
exception
  -- A value that does not even fit its type: "run_at": "soon", "priority": "high", a number among the objects
  when data_exception then
    raise exception using errcode = 'TB005', message = format('a task of the array does not fit: %s', sqlerrm);
end
$$;

comment on function taskbell.check_items(jsonb) is
'Raises TB005 for the first wrong item of a batch, warns of unknown task names, and answers whether any item has an idempotency key.';


create or replace function taskbell.claim_keys(tasks jsonb, ids uuid[]) returns uuid[]
language plpgsql volatile
as $$
declare
  v_item record;
  v_ids uuid[] := ids;
begin
  -- In the keys' order, so that two batches with the same keys never wait for each other crosswise.
  for v_item in
    select i.ord, i.task, i.payload, i.idempotency_key, coalesce(i.queue, y.queue, 'default') as queue
    from taskbell.items(tasks) as i left join taskbell.task_type as y on y.name = i.task
    where i.idempotency_key is not null
    order by coalesce(i.queue, y.queue, 'default'), i.idempotency_key, i.ord
  loop
    v_ids[v_item.ord] := taskbell.claim_key(
      v_item.queue, v_item.idempotency_key, ids[v_item.ord], v_item.task, v_item.payload
    );
  end loop;
  return v_ids;
end
$$;

comment on function taskbell.claim_keys(jsonb, uuid[]) is
'Takes the idempotency keys of a batch for the ids given; answers the ids with those of the tasks that already have a key in their place. Errors: TB003; 55P03 as claim_key().';
