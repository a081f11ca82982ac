create or replace function taskbell.enqueue(
  task text,
  payload jsonb default '{}',
  queue text default null,
  priority integer default 0,
  run_at timestamptz default null,
  max_attempts integer default null,
  timeout interval default null,
  idempotency_key text default null
) returns uuid
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_now timestamptz := taskbell.now();
  v_payload jsonb := coalesce(enqueue.payload, '{}');
  v_flaw text;
  v_type taskbell.task_type;
  v_queue taskbell.queue;
  v_name text;
  v_id uuid := taskbell.uuid7();
  v_twin uuid;
begin
  if not taskbell.is_plain(enqueue.task, v_payload, enqueue.queue)
    or num_nonnulls(enqueue.run_at, enqueue.max_attempts, enqueue.timeout, enqueue.idempotency_key) > 0 or enqueue.priority <> 0
  then
    v_flaw := taskbell.flaw(
      enqueue.task, v_payload, enqueue.queue, enqueue.priority, enqueue.run_at, enqueue.max_attempts, enqueue.timeout,
      enqueue.idempotency_key
    );
    if v_flaw is not null then
      raise exception using errcode = 'TB005', message = v_flaw;
    end if;
  end if;
  select * into v_type from taskbell.task_type as t where t.name = enqueue.task;
  if not found then
    raise warning using message = format('no worker has registered a task named "%s"', enqueue.task),
      hint = 'It waits; when nobody has known it for 10 minutes while workers run, it fails.';
  end if;
  v_name := coalesce(enqueue.queue, v_type.queue, 'default');
  -- Read without a lock: nobody's open transaction on a queue's settings holds up an enqueue.
  select * into v_queue from taskbell.queue as q where q.name = v_name;

  if enqueue.idempotency_key is not null then
    v_twin := taskbell.claim_key(v_name, enqueue.idempotency_key, v_id, enqueue.task, v_payload);
    if v_twin <> v_id then
      return v_twin;
    end if;
  end if;
  if v_queue.max_depth is not null then
    perform taskbell.check_depth(v_name, v_queue.max_depth, 1);
  end if;

  insert into taskbell.live (
    id, queue, task, payload, priority, run_at, max_attempts, timeout, created_at, enqueued_by, idempotency_key
  ) values (
    v_id, v_name, enqueue.task, v_payload, coalesce(enqueue.priority, 0), coalesce(enqueue.run_at, v_now),
    coalesce(enqueue.max_attempts, v_type.max_attempts, v_queue.max_attempts, 3),
    coalesce(enqueue.timeout, v_type.timeout, v_queue.timeout, interval '1 hour'),
    v_now, taskbell.actor(), enqueue.idempotency_key
  );
  return v_id;
end
$$;

comment on function taskbell.enqueue(text, jsonb, text, integer, timestamptz, integer, interval, text) is
'Puts a task into its queue, as part of your transaction: a worker sees it when you commit, and never if you roll back. Returns its id.

  select taskbell.enqueue(''wordcount'', ''{"text": "to be or not to be"}'');

payload: a JSON object of at most 1 MiB and 64 levels. Null (or left out): the task''s registered default, then the queue''s, then queue "default", priority 0, now, 3 attempts, 1 hour.
idempotency_key: unique per queue as long as its task is kept; a repeat returns the task that has it. Waits (at most 2 s, or your lock_timeout if that is less) only for an open transaction that uses the same key. Keys that begin with key:NAME: are those of the API''s callers, as is anonymous:UUID: TB005 for anybody else.
A task name that no worker has registered is taken with a WARNING.
Errors: TB003 the key holds another task or payload; 55P03 that wait was over; TB005 bad argument; TB006 the queue is full. Locks: none that another caller or a worker waits for.';


create or replace function taskbell.claim_key(queue text, key text, id uuid, task text, payload jsonb) returns uuid
language plpgsql volatile
as $$
declare
  v_hash bytea := sha256(convert_to(claim_key.payload::text, 'UTF8'));
  v_twin taskbell.idempotency;
  v_timeout text := current_setting('lock_timeout');
  v_mine boolean;
begin
  -- Not as a clause of this function, which would hide a shorter one of the caller's.
  if v_timeout::interval not between interval '1 millisecond' and interval '2 seconds' then
    perform set_config('lock_timeout', '2s', true);
  end if;
  -- Twice: between a lost insert and the look, the twin may have been pruned.
  for v_try in 1 .. 3 loop
    insert into taskbell.idempotency as i (queue, key, id, task, payload_hash)
    values (claim_key.queue, claim_key.key, claim_key.id, claim_key.task, v_hash)
    on conflict on constraint idempotency_pkey do nothing;
    v_mine := found;
    exit when v_mine;
    select * into v_twin from taskbell.idempotency as i where i.queue = claim_key.queue and i.key = claim_key.key;
    exit when found;
  end loop;
  if current_setting('lock_timeout') <> v_timeout then
    perform set_config('lock_timeout', v_timeout, true);
  end if;
  if v_mine then
    return claim_key.id;
  end if;
  if v_twin.task is distinct from claim_key.task or v_twin.payload_hash is distinct from v_hash then
    raise exception using errcode = 'TB003',
      message = format('idempotency key %L of queue "%s" holds task %s with another name or payload', claim_key.key, claim_key.queue, v_twin.id),
      hint = 'A key stands for one task: use a new key for a new one.';
  end if;
  return v_twin.id;
end
$$;

comment on function taskbell.claim_key(text, text, uuid, text, jsonb) is
'Takes an idempotency key for a task about to be made, or returns the id of the task that has it. Errors: TB003; 55P03 (lock_not_available) when the key is in somebody''s open transaction for over 2 s, or the caller''s lock_timeout if that is less: try again, whether it is a repeat is known when that one ends.';


create or replace function taskbell.check_depth(queue text, max_depth integer, coming integer) returns void
language plpgsql volatile
as $$
begin
  perform from taskbell.live as l
  where l.queue = check_depth.queue and l.status = 'queued'
  offset greatest(check_depth.max_depth - check_depth.coming, 0) limit 1;
  if found or check_depth.coming > check_depth.max_depth then
    raise exception using errcode = 'TB006',
      message = format('queue "%s" is full: it holds at most %s queued tasks', check_depth.queue, check_depth.max_depth),
      hint = 'Try again when it has drained, or raise max_depth with taskbell.configure().';
  end if;
end
$$;

comment on function taskbell.check_depth(text, integer, integer) is
'Raises TB006 when a queue has no room for so many more tasks. Two callers at once may overshoot by what they bring: the bound is a shield, not a ledger.';
