create or replace function taskbell.prune(older_than interval, batch integer default 10000) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_count bigint;
begin
  if prune.older_than is null or prune.older_than < interval '0' then
    raise exception using errcode = 'TB005', message = 'older_than is not an interval of zero or more',
      hint = 'select taskbell.prune(interval ''1 day'');';
  end if;
  if prune.batch is null or prune.batch not between 1 and 1000000 then
    raise exception using errcode = 'TB005', message = 'batch is not 1 to 1000000';
  end if;
  v_count := taskbell.forget(array(
    select f.id from taskbell.finished as f
    where f.finished_at <= taskbell.now() - prune.older_than
    order by f.finished_at limit prune.batch
    for update skip locked
  ));
  perform taskbell.record('prune', null, null, jsonb_build_object('older_than', prune.older_than::text, 'pruned', v_count));
  return v_count;
end
$$;

comment on function taskbell.prune(interval, integer) is
'For operators: deletes up to batch finished tasks that ended longer ago than this, oldest first, whatever their queue keeps; call again while it returns batch. Returns how many. Errors: TB005.';


create or replace function taskbell.forget(ids uuid[]) returns bigint
language plpgsql volatile
as $$
declare
  v_count bigint;
begin
  delete from taskbell.attempt as a where a.task_id = any (forget.ids);
  with gone as (
    delete from taskbell.finished as f where f.id = any (forget.ids) returning f.id, f.queue, f.idempotency_key
  ),
  keys as (
    delete from taskbell.idempotency as i using gone as g
    where i.queue = g.queue and i.key = g.idempotency_key and i.id = g.id
  )
  select count(*) into v_count from gone;
  return v_count;
end
$$;

comment on function taskbell.forget(uuid[]) is 'Deletes finished tasks with their attempts and idempotency keys. Returns how many.';


create or replace function taskbell.prune_expired(batch integer default 10000) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_now timestamptz := taskbell.now();
begin
  -- One at a time is enough, the others come back in a minute. A row's lock, as any login may hold any advisory lock.
  perform from taskbell.installation as i for update skip locked;
  if not found then
    return 0;
  end if;
  update taskbell.installation as i
  set tended_at = v_now,
    workers_since = case when i.tended_at > v_now - interval '150 seconds' then coalesce(i.workers_since, v_now) else v_now end;
  -- Skipping what a register() holds, which takes them in another order and marks them as seen itself.
  update taskbell.task_type as y set seen_at = v_now
  where y.name = any (array(
    select k.name from taskbell.task_type as k
    where k.name in (
      select unnest(w.tasks) from taskbell.worker as w where w.stopped_at is null and w.beat_at > v_now - interval '1 minute'
    )
    for no key update skip locked
  ));
  perform taskbell.fail_unknown();
  -- Never one with claims: a rescue starts from the workers.
  delete from taskbell.worker as w
  where coalesce(w.stopped_at, w.beat_at) < v_now - interval '31 days'
    and not exists (select from taskbell.live as l where l.status = 'running' and l.worker = w.id);
  delete from taskbell.task_type as y
  where y.name = any (array(
    select k.name from taskbell.task_type as k
    where k.seen_at < v_now - interval '31 days' and not exists (select from taskbell.live as l where l.task = k.name)
    for update of k skip locked
  ));
  delete from taskbell.act as a where a.at < v_now - interval '90 days';
  perform taskbell.forget_queues();
  return taskbell.forget(array(
    select f.id from taskbell.finished as f where f.expires_at <= v_now order by f.expires_at limit prune_expired.batch
    for update skip locked
  ));
end
$$;

comment on function taskbell.prune_expired(integer) is
'For workers, once a minute (again at once when it returned batch): the upkeep. Deletes finished tasks that have outlived their keep time, and fails tasks that nobody has known while workers ran for 10 minutes after they were due; forgets workers and tasks that no worker knows after 31 days, acts after 90, empty queues without settings after a day. Returns how many tasks it deleted.';


create or replace function taskbell.fail_unknown() returns integer
language plpgsql volatile
as $$
declare
  v_since timestamptz := taskbell.now() - interval '10 minutes';
  v_task taskbell.live;
  v_count integer := 0;
begin
  if not exists (select from taskbell.installation as i where i.workers_since < v_since) then
    return 0;
  end if;
  for v_task in
    select l.* from taskbell.live as l
    where l.status = 'queued' and l.run_at < v_since
      and not exists (select from taskbell.task_type as y where y.name = l.task and y.seen_at >= v_since)
    limit 1000
    for update of l skip locked
  loop
    v_task.error := jsonb_build_object(
      'type', 'UnknownTask',
      'message', format('no worker has known a task named "%s" for 10 minutes', v_task.task)
    );
    perform taskbell.finish(v_task, 'failed');
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

comment on function taskbell.fail_unknown() is
'Fails queued tasks whose name no worker has known for 10 minutes after they were due, if workers ran all that time. Up to 1,000 a call; returns how many.';


create or replace function taskbell.forget_queues() returns void
language sql volatile
as $$
  -- Skipping what an operator's open transaction holds: the upkeep waits for nobody.
  delete from taskbell.queue as o
  where o.name = any (array(
    select q.name from taskbell.queue as q
    where q.name not in ('default', 'public') and q.created_at < taskbell.now() - interval '1 day'
      and q.exclusive and q.concurrency = 1 and q.paused_at is null
      and num_nonnulls(q.max_depth, q.max_attempts, q.timeout, q.keep_succeeded, q.keep_failed) = 0
      and not exists (select from taskbell.live as l where l.queue = q.name and l.status = 'queued')
      and not exists (select from taskbell.live as l where l.queue = q.name and l.status = 'running')
      and not exists (select from taskbell.holder as h where h.queue = q.name and not h.released)
    for update of q skip locked
  ));
  delete from taskbell.holder as h
  where h.released and not exists (select from taskbell.queue as q where q.name = h.queue)
$$;

comment on function taskbell.forget_queues() is
'Deletes the rows of queues that have no settings of their own, no tasks, and nobody working them: what is left of names used once.';
