-- A poll is told what rang and how far it has walked, and walks over more names: a worker no longer keeps its place.
drop function if exists taskbell.poll(uuid);
drop function if exists taskbell.busy_queues(taskbell.worker);
drop function if exists taskbell.next_due(text);
alter table taskbell.worker drop column poll_after;

create index holder_of_worker on taskbell.holder (worker) where not released;
comment on index taskbell.holder_of_worker is 'Which queues does this worker hold? However many names of queues there are.';

create index queue_with_settings on taskbell.queue (name)
where not exclusive or concurrency <> 1 or paused_at is not null
or num_nonnulls(max_depth, max_attempts, timeout, keep_succeeded, keep_failed) > 0;
comment on index taskbell.queue_with_settings is 'Which queues did an operator configure? However many names of queues there are.';
