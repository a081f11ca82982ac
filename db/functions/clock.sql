create or replace function taskbell.now() returns timestamptz
language sql stable parallel safe
return statement_timestamp();

comment on function taskbell.now() is
'The time, as every rule of the queue sees it: the start of the present statement. Tests replace this function in their own database; no setting moves it.';


create or replace function taskbell.lock_life() returns interval
language sql immutable parallel safe
return interval '5 seconds';

comment on function taskbell.lock_life() is
'How long an exclusive queue stays its holder''s after the last renewal; the Redis lock lives as long.';


create or replace function taskbell.lease() returns interval
language sql immutable parallel safe
return interval '30 seconds';

comment on function taskbell.lease() is
'How long a claim stays its worker''s after the last heartbeat.';


create or replace function taskbell.bell_key() returns bigint
language sql immutable parallel safe
return 8386110886190083180;

comment on function taskbell.bell_key() is
'The advisory lock behind the bell (the letters "taskbell" as a number). A worker holds it, exclusive, while it sleeps; whoever enqueues tries it, shared, and rings only if refused.';
