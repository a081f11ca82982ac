-- Who may what. The first part takes everything away, so that this file alone tells; a test compares it with the catalogue.

revoke all on schema taskbell from public;
revoke all on all tables in schema taskbell
from public, taskbell_producer, taskbell_reader, taskbell_operator, taskbell_worker, taskbell_service;
revoke all on all routines in schema taskbell
from public, taskbell_producer, taskbell_reader, taskbell_operator, taskbell_worker, taskbell_service;

grant usage on schema taskbell
to taskbell_producer, taskbell_reader, taskbell_operator, taskbell_worker, taskbell_service;

-- Producers: enqueue; get, wait for and cancel what their own login enqueued.
grant execute on function
taskbell.enqueue(text, jsonb, text, integer, timestamptz, integer, interval, text),
taskbell.enqueue_many(jsonb),
taskbell.wait(uuid, interval),
taskbell.get(uuid),
taskbell.cancel(uuid, text),
taskbell.channel(uuid)
to taskbell_producer;

-- Readers: all views but attempts and acts; get, wait and why of every task.
grant select on
taskbell.tasks, taskbell.queues, taskbell.stats, taskbell.workers, taskbell.task_types, taskbell.health, taskbell.estimates
to taskbell_reader;
grant execute on function
taskbell.get(uuid),
taskbell.wait(uuid, interval),
taskbell.why(uuid),
taskbell.channel(uuid),
taskbell.history(timestamptz, timestamptz),
taskbell.find_key(text),
-- what views and parameter defaults call runs with the caller's rights
taskbell.now(),
taskbell.lock_life(),
taskbell.oldest_transaction()
to taskbell_reader;

-- Operators: what readers may (as members), and every act.
grant select on taskbell.attempts, taskbell.acts to taskbell_operator;
grant execute on function
taskbell.cancel(uuid, text),
taskbell.retry(uuid),
taskbell.reschedule(uuid, timestamptz),
taskbell.pause(text),
taskbell.resume(text),
taskbell.configure(text, boolean, integer, integer, integer, interval, interval, interval),
taskbell.prune(interval, integer)
to taskbell_operator;

-- Workers.
grant execute on function
taskbell.register(uuid, text, integer, text, text[], jsonb),
taskbell.deregister(uuid),
taskbell.heartbeat(uuid, text[], boolean, text, boolean),
taskbell.poll(uuid, text[], double precision, text),
taskbell.hold(uuid, text),
taskbell.unhold(uuid, text),
taskbell.claim(uuid, text, text[], integer, integer, timestamptz, uuid),
taskbell.complete(uuid[], uuid[], double precision[], jsonb, double precision[], double precision),
taskbell.fail(jsonb),
taskbell.release(uuid[], uuid[], boolean, text),
taskbell.reconcile(uuid, uuid[]),
taskbell.progress(jsonb),
taskbell.rescue(),
taskbell.prune_expired(integer),
taskbell.bell_key()
to taskbell_worker;

-- The API and the admin: may name the real actor.
grant execute on function taskbell.act_as(text) to taskbell_service;
