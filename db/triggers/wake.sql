create or replace function taskbell.wake_workers() returns trigger
language plpgsql security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
begin
  -- As taskbell.wake(), for all queues of the statement at once. Tried, never waited for: see there.
  if pg_try_advisory_xact_lock_shared(taskbell.bell_key()) or not taskbell.may_ring() then
    return null;
  end if;
  -- Due within a second counts: sleepers know the next due time only as of their last poll. Of very many queues one ring
  -- with no name stands for all: distinct messages would fill the notification queue.
  perform pg_notify('taskbell_wake', d.queue)
  from (
    select case when count(*) over () > 20 then '' else a.queue end as queue
    from added as a
    where a.run_at <= taskbell.now() + interval '1 second'
    group by a.queue
  ) as d
  group by d.queue;
  return null;
end
$$;

comment on function taskbell.wake_workers() is
'Trigger of taskbell.live: rings taskbell_wake at commit, with the queue''s name (or none for very many queues), if a worker sleeps. One that is awake looks anyway.';

create or replace trigger wake
after insert on taskbell.live
referencing new table as added
for each statement execute function taskbell.wake_workers();

comment on trigger wake on taskbell.live is 'Whoever enqueues, by whatever way, wakes a sleeping worker.';
