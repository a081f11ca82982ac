create or replace function taskbell.fail(failures jsonb)
returns table (id uuid, refusal text)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := taskbell.now();
  v_fail record;
  v_task taskbell.live;
  v_ended timestamptz;
begin
  for v_fail in
    select f.* from jsonb_to_recordset(fail.failures) as f (
      id uuid, token uuid, age double precision, gone double precision, sent double precision, outcome text, error jsonb,
      traceback text, after double precision
    )
    order by f.id
  loop
    v_task := taskbell.fenced(v_fail.id, v_fail.token);
    if v_task.id is null then
      return query select v_fail.id, taskbell.refusal(v_fail.id, v_fail.token);
      continue;
    end if;
    v_ended := taskbell.sent_at(v_fail.sent) - make_interval(secs => coalesce(v_fail.gone, 0));
    v_task.started_at := greatest(
      v_task.claimed_at, taskbell.sent_at(v_fail.sent) - make_interval(secs => coalesce(v_fail.age, 0))
    );
    v_task.error := v_fail.error;
    if v_fail.outcome = 'cancel' or v_task.cancel_requested_at is not null then
      perform taskbell.keep_attempt(v_task, 'cancelled', v_fail.error, v_fail.traceback, v_ended);
      v_task.runs := v_task.runs + 1;
      v_task.error := jsonb_build_object(
        'type', 'Cancelled',
        'message', coalesce(taskbell.cancel_words(v_task.cancelled_by, v_task.cancel_reason), v_fail.error ->> 'message', 'cancelled')
      );
      perform taskbell.finish(v_task, 'cancelled', v_ended);
      continue;
    end if;
    perform taskbell.keep_attempt(v_task, 'failed', v_fail.error, v_fail.traceback, v_ended);
    v_task.runs := v_task.runs + 1;
    if v_fail.outcome = 'retry' and v_task.attempt < v_task.max_attempts then
      perform taskbell.requeue(v_task, v_now + make_interval(secs => case
        when v_fail.after is null then taskbell.back_off(v_task.attempt) else least(greatest(v_fail.after, 0), 31536000)
      end));
    else
      perform taskbell.finish(v_task, 'failed', v_ended);
    end if;
  end loop;
end
$$;

comment on function taskbell.fail(jsonb) is
'For workers: these runs did not succeed. An array of {"id", "token", "age" and "gone" (seconds since the run began and ended), "sent" (as in complete()), "outcome", "error": {"type","message"}, "traceback", "after" (seconds)}.
outcome "retry": back to queued after "after" (at most a year), else 2^attempt s ± 25 % (at most 10 minutes), while attempts are left, else failed; "fail": failed for good; "cancel": cancelled. A cancel asked for in the meantime wins over both.
Every attempt''s error is kept. Returns only what was not accepted, as complete() does.';


create or replace function taskbell.back_off(attempt integer) returns double precision
language sql volatile
return least(power(2, least(attempt, 30)) * (0.75 + random() * 0.5), 600);

comment on function taskbell.back_off(integer) is
'Seconds until the next attempt: 2^attempt, give or take a quarter so that a crowd does not come back as one, at most 600.';


create or replace function taskbell.fenced(id uuid, token uuid) returns taskbell.live
language sql volatile
as $$
  select l.* from taskbell.live as l
  where l.id = fenced.id and l.token = fenced.token
  for update skip locked
$$;

comment on function taskbell.fenced(uuid, uuid) is
'The live row, locked, if the claim is still this one; all nulls if it is not, or if somebody else holds the row.';


create or replace function taskbell.refusal(id uuid, token uuid) returns text
language plpgsql volatile
as $$
begin
  if exists (select from taskbell.live as l where l.id = refusal.id and l.token = refusal.token) then
    return 'busy';
  end if;
  perform taskbell.count('stale');
  return 'stale';
end
$$;

comment on function taskbell.refusal(uuid, uuid) is
'Why fenced() gave nothing: "busy", somebody else''s transaction holds the row: try again; "stale", the claim is no longer this one (counted).';


create or replace function taskbell.keep_attempt(
  task taskbell.live, status text, error jsonb, traceback text, ended timestamptz default taskbell.now()
) returns void
language sql volatile
as $$
  insert into taskbell.attempt (task_id, run, attempt, status, worker, worker_name, started_at, finished_at, error, traceback)
  select
    (keep_attempt.task).id, (keep_attempt.task).runs + 1, (keep_attempt.task).attempt, keep_attempt.status,
    (keep_attempt.task).worker, (select w.name from taskbell.worker as w where w.id = (keep_attempt.task).worker),
    (keep_attempt.task).started_at, greatest((keep_attempt.task).started_at, keep_attempt.ended), keep_attempt.error, keep_attempt.traceback
$$;

comment on function taskbell.keep_attempt(taskbell.live, text, jsonb, text, timestamptz) is
'Writes a begun attempt into the history as run number runs + 1; the caller counts runs up.';


create or replace function taskbell.requeue(task taskbell.live, run_at timestamptz) returns void
language plpgsql volatile
as $$
declare
  v_seq integer;
begin
  update taskbell.live as l
  set status = 'queued', attempt = (requeue.task).attempt, runs = (requeue.task).runs, error = (requeue.task).error,
    run_at = requeue.run_at, seq = l.seq + 1, token = null, worker = null, claimed_at = null, started_at = null
  where l.id = (requeue.task).id
  returning l.seq into v_seq;
  perform taskbell.ring((requeue.task).id, 'queued', v_seq);
  if requeue.run_at <= taskbell.now() + interval '1 second' then
    perform taskbell.wake((requeue.task).queue);
  end if;
end
$$;

comment on function taskbell.requeue(taskbell.live, timestamptz) is
'Puts a claimed task back to queued, with the attempt, runs and error given. The caller holds its row''s lock and has checked the fence. Rings.';
