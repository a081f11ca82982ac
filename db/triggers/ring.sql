create or replace function taskbell.ring_waiters() returns trigger
language plpgsql security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
begin
  if taskbell.may_ring() then
    perform pg_notify(taskbell.channel(a.id), taskbell.ring_message(a.id, a.status, a.seq)) from added as a;
  end if;
  return null;
end
$$;

comment on function taskbell.ring_waiters() is
'Trigger of taskbell.finished: rings each finished task''s own channel, all of a batch in the one commit that stores them.';

create or replace trigger ring
after insert on taskbell.finished
referencing new table as added
for each statement execute function taskbell.ring_waiters();

comment on trigger ring on taskbell.finished is 'However a task ends, whoever waits for it hears of it.';
