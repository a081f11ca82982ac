-- What another function of this file calls stands before it: Postgres looks for it when it makes that one.
create or replace function taskbell.is_anothers_key(key text) returns boolean
language plpgsql stable strict
as $$
begin
  if not starts_with(is_anothers_key.key, 'key:') and not starts_with(is_anothers_key.key, 'anonymous:') then
    return false;  -- nearly always, and cheaper than a pattern
  end if;
  return is_anothers_key.key ~ '^(key:[^:]+:|anonymous:[0-9a-f-]{36}$)'
    and not starts_with(is_anothers_key.key, taskbell.actor() || ':');
end
$$;

comment on function taskbell.is_anothers_key(text) is
'Is this an idempotency key as the API keeps those of its callers, key:NAME:… or anonymous:UUID, and somebody else than that caller acts? Whoever could take one beforehand would have that caller refused.';


create or replace function taskbell.flaw(
  task text, payload jsonb, queue text, priority numeric, run_at timestamptz, max_attempts numeric, timeout interval, idempotency_key text
) returns text
language sql stable
as $$
  select case
    -- a length and a plain pattern: the pattern {1,128} takes ten times as long
    when task is null or task !~ '^[A-Za-z0-9_.-]+$' or char_length(task) > 128
      then format('task name %L is not 1 to 128 of the characters A-Z a-z 0-9 _ . -', left(task, 140))
    when queue !~ '^[A-Za-z0-9_.-]+$' or char_length(queue) > 64
      then format('queue name %L is not 1 to 64 of the characters A-Z a-z 0-9 _ . -', left(queue, 80))
    when jsonb_typeof(payload) <> 'object'
      then format('the payload is %s, not a JSON object', jsonb_typeof(payload))
    when priority not between -100 and 100 or priority <> trunc(priority)
      then format('priority %s is not a whole number from -100 to 100', priority)
    when not isfinite(run_at) or run_at >= timestamptz '9999-01-01 00:00:00+00' or run_at < timestamptz '0001-01-02 00:00:00+00'
      then format('run_at %s is not a moment before the year 9999', run_at)
    when max_attempts not between 1 and 100 or max_attempts <> trunc(max_attempts)
      then format('max_attempts %s is not a whole number from 1 to 100', max_attempts)
    when timeout not between interval '1 second' and interval '7 days'
      then format('timeout %s is not between 1 second and 7 days', timeout)
    when char_length(idempotency_key) not between 1 and 200
      then format('the idempotency key has %s characters, not 1 to 200', char_length(idempotency_key))
    when taskbell.is_anothers_key(idempotency_key)
      then format('the idempotency key %L is one that the API keeps for its caller of that name', left(idempotency_key, 60))
    -- Last, since it is the dearest. 64 levels need 128 brackets: most payloads are made text once, and not walked.
    when octet_length(payload::text) > 128
      then case
        when octet_length(payload::text) > 1048576
          then format('the payload has %s bytes, more than 1 MiB', octet_length(payload::text))
        when jsonb_path_exists(payload, 'strict $.**{64}')
          then 'the payload is nested deeper than 64 levels'
      end
  end
$$;

comment on function taskbell.flaw(text, jsonb, text, numeric, timestamptz, numeric, interval, text) is
'What is wrong with the arguments of an enqueue, as a sentence; null: nothing. Null arguments (but the task''s) are fine, they mean the default.';


create or replace function taskbell.is_plain(task text, payload jsonb, queue text) returns boolean
language sql immutable
return coalesce(
  task ~ '^[A-Za-z0-9_.-]+$' and octet_length(task) <= 64
  and jsonb_typeof(payload) = 'object' and octet_length(payload::text) <= 128
  and (queue is null or (queue ~ '^[A-Za-z0-9_.-]+$' and octet_length(queue) <= 64)),
  false
);

comment on function taskbell.is_plain(text, jsonb, text) is
'Have a task''s name, payload and queue no flaw, at a look? Of what is true here flaw() would say null; of the rest ask it. Every transaction makes an expression ready anew, and flaw() is a long one.';
