create or replace function taskbell.configure(
  queue text,
  exclusive boolean default null,
  concurrency integer default null,
  max_depth integer default null,
  max_attempts integer default null,
  timeout interval default null,
  keep_succeeded interval default null,
  keep_failed interval default null
) returns jsonb
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_flaw text := taskbell.queue_flaw(
    configure.queue, configure.concurrency, configure.max_depth, configure.max_attempts, configure.timeout,
    configure.keep_succeeded, configure.keep_failed
  );
begin
  if v_flaw is not null then
    raise exception using errcode = 'TB005', message = v_flaw;
  end if;
  insert into taskbell.queue as q (name) values (configure.queue) on conflict on constraint queue_pkey do nothing;
  update taskbell.queue as q
  set
    exclusive = coalesce(configure.exclusive, q.exclusive),
    exclusive_since = case when configure.exclusive and not q.exclusive then taskbell.now() else q.exclusive_since end,
    concurrency = coalesce(configure.concurrency, q.concurrency),
    max_depth = case when configure.max_depth = 0 then null else coalesce(configure.max_depth, q.max_depth) end,
    max_attempts = coalesce(configure.max_attempts, q.max_attempts),
    timeout = coalesce(configure.timeout, q.timeout),
    keep_succeeded = coalesce(configure.keep_succeeded, q.keep_succeeded),
    keep_failed = coalesce(configure.keep_failed, q.keep_failed)
  where q.name = configure.queue;
  perform taskbell.record('configure', null, configure.queue, jsonb_strip_nulls(jsonb_build_object(
    'exclusive', configure.exclusive, 'concurrency', configure.concurrency, 'max_depth', configure.max_depth,
    'max_attempts', configure.max_attempts, 'timeout', configure.timeout::text,
    'keep_succeeded', configure.keep_succeeded::text, 'keep_failed', configure.keep_failed::text
  )));
  perform taskbell.wake(configure.queue);
  return (select to_jsonb(v) from taskbell.queues as v where v.name = configure.queue);
end
$$;

comment on function taskbell.configure(text, boolean, integer, integer, integer, interval, interval, interval) is
'For operators: changes a queue''s settings, making the queue if there is none; null leaves a setting as it is. Returns the queue as JSON.

  select taskbell.configure(''mail'', exclusive => false, concurrency => 20, keep_succeeded => ''1 day'');

exclusive: one worker at a time. concurrency: tasks at once a worker, 1 to 1000. max_depth: most queued tasks, 0: no bound. max_attempts, timeout: defaults for its tasks. keep_*: for what finishes from now on. Errors: TB005.';


create or replace function taskbell.queue_flaw(
  queue text, concurrency integer, max_depth integer, max_attempts integer, timeout interval, keep_succeeded interval,
  keep_failed interval
) returns text
language sql immutable
as $$
  select case
    when queue is null or queue !~ '^[A-Za-z0-9_.-]{1,64}$'
      then format('queue name %L is not 1 to 64 of the characters A-Z a-z 0-9 _ . -', left(queue, 80))
    when concurrency not between 1 and 1000 then format('concurrency %s is not 1 to 1000', concurrency)
    when max_depth < 0 then format('max_depth %s is negative', max_depth)
    when max_attempts not between 1 and 100 then format('max_attempts %s is not 1 to 100', max_attempts)
    when timeout not between interval '1 second' and interval '7 days'
      then format('timeout %s is not between 1 second and 7 days', timeout)
    when keep_succeeded not between interval '0' and interval '100 years' or keep_failed not between interval '0' and interval '100 years'
      then 'a keep time is not between 0 and 100 years'
  end
$$;

comment on function taskbell.queue_flaw(text, integer, integer, integer, interval, interval, interval) is
'What is wrong with the arguments of configure(), as a sentence; null: nothing.';
