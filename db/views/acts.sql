create or replace view taskbell.acts as
select a.at, a.actor, a.act, a.task_id, a.queue, a.detail from taskbell.act as a;

comment on view taskbell.acts is
'Who steered what, and when: cancel, retry, reschedule, pause, resume, configure, prune. Kept 90 days. For operators.';
