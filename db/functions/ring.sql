create or replace function taskbell.ring(id uuid, status taskbell.status, seq integer) returns void
language plpgsql volatile
as $$
begin
  if taskbell.may_ring() then
    perform pg_notify(taskbell.channel(ring.id), taskbell.ring_message(ring.id, ring.status, ring.seq));
  end if;
end
$$;

comment on function taskbell.ring(uuid, taskbell.status, integer) is
'Rings a task''s own channel, at commit. Listeners read the row: the message never carries data.';


create or replace function taskbell.ring_message(id uuid, status taskbell.status, seq integer) returns text
language sql immutable
return '{"id": "' || id::text || '", "status": "' || status::text || '", "seq": ' || seq::text || '}';

comment on function taskbell.ring_message(uuid, taskbell.status, integer) is 'The NOTIFY payload of a task''s channel: {"id","status","seq"}.';


insert into taskbell.counter (name, value) values ('unrung', 0) on conflict on constraint counter_pkey do nothing;

create or replace function taskbell.may_ring() returns boolean
language plpgsql volatile
as $$
begin
  -- A full notification queue fails the commit that rings. One client that LISTENs and never reads fills it for everybody.
  if pg_notification_queue_usage() < 0.5 then
    return true;
  end if;
  raise log 'taskbell: the notification queue is over half full; not ringing (pollers still see every change). Look for a session that LISTENs in a long transaction.';
  -- Not by count(): its row's lock would be held to the end of whoever's transaction enqueues, and stall everybody.
  update taskbell.counter as c set value = c.value + 1
  where c.name = any (array(select k.name from taskbell.counter as k where k.name = 'unrung' for no key update skip locked));
  return false;
end
$$;

comment on function taskbell.may_ring() is
'Is there room in the server''s notification queue? Above half of it rings are skipped, counted, and said so in the server''s log.';


create or replace function taskbell.wake(queue text) returns void
language plpgsql volatile
as $$
begin
  -- Tried, never waited for. Refused means a worker sleeps on the bell (or waits to): only then is the NOTIFY worth its
  -- price, as every commit with one takes a lock of the whole server.
  if not pg_try_advisory_xact_lock_shared(taskbell.bell_key()) and taskbell.may_ring() then
    perform pg_notify('taskbell_wake', wake.queue);
  end if;
end
$$;

comment on function taskbell.wake(text) is
'Rings taskbell_wake at commit if a worker sleeps. One that is awake looks before it sleeps, and waits for this transaction''s shared lock before that look.';
