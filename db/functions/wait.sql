create or replace function taskbell.wait(id uuid, timeout interval default '30 s') returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_deadline timestamptz := clock_timestamp() + wait.timeout;
  v_pause double precision := 0.01;
  v_task taskbell.tasks;
begin
  if wait.timeout is null or wait.timeout > interval '60 s' or wait.timeout < interval '0' then
    raise exception using errcode = 'TB005', message = format('wait is at most 60 s, not %s', coalesce(wait.timeout::text, 'null')),
      hint = 'For longer, LISTEN to taskbell.channel(id): waiting here holds a snapshot.';
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = 'TB002', message = format('wait would never see the end under %s', current_setting('transaction_isolation')),
      hint = 'Wait under READ COMMITTED.';
  end if;
  select * into v_task from taskbell.tasks as t where t.id = wait.id;
  if not found or not taskbell.may_see(v_task.enqueued_by) then
    perform taskbell.no_such_task(wait.id);
  end if;
  if v_task.status in ('queued', 'running') and taskbell.made_here(wait.id) then
    raise exception using errcode = 'TB002', message = format('task %s was enqueued by this very transaction: no worker sees it before you commit', wait.id),
      hint = 'Commit, then wait.';
  end if;

  while v_task.status in ('queued', 'running') loop
    if clock_timestamp() >= v_deadline then
      raise exception using errcode = 'TB004', message = format('task %s is still %s after %s', wait.id, v_task.status, wait.timeout),
        hint = 'It goes on; taskbell.why(id) tells what it waits for.';
    end if;
    perform pg_sleep(least(v_pause, extract(epoch from v_deadline - clock_timestamp())));
    v_pause := least(v_pause * 1.5, 0.1);
    select * into v_task from taskbell.tasks as t where t.id = wait.id;
    if not found then
      perform taskbell.no_such_task(wait.id);
    end if;
  end loop;
  return taskbell.task_json(v_task);
end
$$;

comment on function taskbell.wait(uuid, interval) is
'Blocks until the task has finished, at most 60 s, and returns it as JSON.

  select taskbell.wait(taskbell.enqueue(...))  -- no: commit first, or you wait for yourself (TB002)

It holds a snapshot while it waits, which keeps vacuum from cleaning up behind it: for longer waits LISTEN to taskbell.channel(id).
Errors: TB001 no such task; TB002 enqueued by this very transaction, or not under READ COMMITTED; TB004 not finished in time; TB005 timeout over 60 s.';


create or replace function taskbell.made_here(id uuid) returns boolean
language sql volatile
as $$
  -- A visible row whose maker is still in progress is this transaction's own (or one of its savepoints'). A row knows the
  -- lower half of its maker's number only; the upper half is that of the newest numbers, or one less.
  select coalesce(bool_or(pg_xact_status(
    case when m.full_id > m.next_id + 2147483648 then m.full_id - 4294967296 else m.full_id end::text::xid8
  ) = 'in progress'), false)
  from (
    select
      pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next_id,
      (pg_snapshot_xmax(pg_current_snapshot())::text::bigint & ~4294967295) | l.xmin::text::bigint as full_id
    from taskbell.live as l where l.id = made_here.id
  ) as m
$$;

comment on function taskbell.made_here(uuid) is 'Was this live task enqueued (or changed) by the present, still open transaction?';
