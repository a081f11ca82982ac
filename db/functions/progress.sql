create or replace function taskbell.progress(items jsonb)
returns table (id uuid, refusal text)
language plpgsql volatile security definer
set search_path = pg_catalog, taskbell, pg_temp
as $$
#variable_conflict use_column
declare
  v_item record;
  v_task taskbell.live;
begin
  for v_item in
    select i.* from jsonb_to_recordset(progress.items) as i (
      id uuid, token uuid, age double precision, sent double precision, fraction double precision, note text
    )
    order by i.id
  loop
    v_task := taskbell.fenced(v_item.id, v_item.token);
    if v_task.id is null then
      return query select v_item.id, taskbell.refusal(v_item.id, v_item.token);
      continue;
    end if;
    update taskbell.live as l
    set
      started_at = coalesce(
        l.started_at, greatest(l.claimed_at, taskbell.sent_at(v_item.sent) - make_interval(secs => coalesce(v_item.age, 0)))
      ),
      progress = case
        when v_item.fraction is null and v_item.note is null then l.progress
        else jsonb_build_object(
          'fraction', case
            when v_item.fraction is null then l.progress -> 'fraction' else to_jsonb(least(greatest(v_item.fraction, 0), 1))
          end,
          'note', coalesce(to_jsonb(left(v_item.note, 1024)), l.progress -> 'note')
        )
      end,
      seq = l.seq + 1
    where l.id = v_item.id;
    perform taskbell.ring(v_item.id, 'running', v_task.seq + 1);
  end loop;
end
$$;

comment on function taskbell.progress(jsonb) is
'For workers, at most ten times a second a task: an array of {"id", "token", "age" (seconds since the run began), "sent" (as in complete()), "fraction" (0 to 1), "note" (cut at 1 KiB)}; what is null stays as it was.
With neither fraction nor note it only says that the run has begun. Rings. Returns only what was not accepted, as complete() does.';
