create or replace view taskbell.attempts as
select a.task_id, a.run, a.attempt, a.status, a.worker, a.worker_name, a.started_at, a.finished_at, a.error, a.traceback
from taskbell.attempt as a
union all
select f.id, f.runs + 1, f.attempt, 'succeeded', f.worker, w.name, f.started_at, f.finished_at, null, null
from taskbell.finished as f left join taskbell.worker as w on w.id = f.worker
where f.status = 'succeeded'
union all
select l.id, l.runs + 1, l.attempt, 'running', l.worker, w.name, l.started_at, null, null, null
from taskbell.live as l left join taskbell.worker as w on w.id = l.worker
where l.status = 'running' and l.started_at is not null;

comment on view taskbell.attempts is
'Each attempt that began: when, on which worker, how it ended (running, succeeded, failed, lost, released, cancelled), with error and traceback. For operators: tracebacks can show payloads.';
comment on column taskbell.attempts.run is '1, 2, … over the whole life of the task, retries by hand included.';
comment on column taskbell.attempts.attempt is 'The attempt as it was counted then: releases are free, a retry by hand starts from 1 again.';
