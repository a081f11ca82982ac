create or replace function taskbell.release(
  ids uuid[], tokens uuid[], begun boolean default false, reason text default null
) returns table (id uuid, refusal text)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
#variable_conflict use_column
declare
  v_one record;
  v_task taskbell.live;
begin
  for v_one in select t.id, t.token from unnest(release.ids, release.tokens) as t (id, token) order by t.id loop
    v_task := taskbell.fenced(v_one.id, v_one.token);
    if v_task.id is null then
      return query select v_one.id, taskbell.refusal(v_one.id, v_one.token);
    else
      perform taskbell.give_back(v_task, release.begun, false, case when release.begun then 'released' end, release.reason);
    end if;
  end loop;
end
$$;

comment on function taskbell.release(uuid[], uuid[], boolean, text) is
'For workers: give claims back to the queue, free of charge: what was claimed and not begun, or (begun) what a stop interrupted, which is then told in the history with the reason.
One that somebody asked to cancel ends as cancelled. Rings. Returns only what was not accepted, as complete() does.';


create or replace function taskbell.give_back(
  task taskbell.live, begun boolean, charged boolean, status text, reason text
) returns void
language plpgsql volatile
as $$
declare
  v_task taskbell.live := give_back.task;
  v_error jsonb := jsonb_build_object(
    'type', case when give_back.status = 'lost' then 'WorkerLost' else 'Released' end,
    'message', coalesce(give_back.reason, 'the worker stopped')
  );
begin
  if give_back.begun then
    v_task.started_at := coalesce(v_task.started_at, v_task.claimed_at);
    perform taskbell.keep_attempt(v_task, give_back.status, v_error, null);
    v_task.runs := v_task.runs + 1;
  end if;
  if v_task.cancel_requested_at is not null then
    v_task.error := jsonb_build_object('type', 'Cancelled', 'message', taskbell.cancel_words(v_task.cancelled_by, v_task.cancel_reason));
    perform taskbell.finish(v_task, 'cancelled');
    return;
  end if;
  if give_back.charged then
    v_task.error := v_error;
    if v_task.attempt >= v_task.max_attempts then
      perform taskbell.finish(v_task, 'failed');
      return;
    end if;
  else
    v_task.attempt := v_task.attempt - 1;
  end if;
  perform taskbell.requeue(v_task, v_task.run_at);
end
$$;

comment on function taskbell.give_back(taskbell.live, boolean, boolean, text, text) is
'Ends a claim without an outcome: back to queued at its old place, or failed when a charged attempt was the last, or cancelled when that was asked. begun: told in the history; charged: the attempt counts.';


create or replace function taskbell.reconcile(worker uuid, tokens uuid[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
declare
  v_task taskbell.live;
  v_count integer := 0;
begin
  for v_task in
    select l.* from taskbell.live as l
    where l.status = 'running' and l.worker = reconcile.worker and l.token <> all (reconcile.tokens)
    order by l.id
    for update skip locked
  loop
    perform taskbell.give_back(v_task, false, false, null, null);
    v_count := v_count + 1;
  end loop;
  return v_count;
end
$$;

comment on function taskbell.reconcile(uuid, uuid[]) is
'For workers, after an error in a claim and once in a while: gives back, free, every claim of this worker but those named. A claim whose answer was lost on the way would otherwise be kept alive by its own worker''s heartbeat for ever. Returns how many.';
