"""The least that could be called the same work: bare tables, bare statements, no checks, no fence, no retries."""

import threading
import time
from typing import LiteralString

from tests.benchmarks.stage import Place, connect

TABLES = """
create table public.bare (
  id bigint generated always as identity primary key, status text not null default 'queued', queue text not null default 'bench',
  payload jsonb not null, at timestamptz not null default now()
);
create table public.bare_done (id bigint primary key, payload jsonb not null, at timestamptz not null);
create index on public.bare (id) where status = 'queued';
grant all on all tables in schema public to public;
"""
INSERT = """insert into public.bare (payload) values ('{"n": 1}');\n"""
INSERT_MANY: LiteralString = (
    "insert into public.bare (payload) select jsonb_build_object('n', n) from generate_series(1, %s) n returning id"
)
CLAIM = (
    "update public.bare set status = 'running' where id = any (array(select id from public.bare where status = 'queued'"
    " order by id for update skip locked limit %s)) returning id"
)
FINISH = (
    "with gone as (delete from public.bare where id = any (%s) returning id, payload)"
    " insert into public.bare_done select id, payload, now() from gone"
)


def claim_and_finish(place: Place, tasks: int, batch: int, connections: int) -> float:
    """Return the rows a second that so many connections claim and move to another table, each batch in two commits."""
    place.sql.execute(TABLES)
    place.sql.execute(INSERT_MANY, [tasks])
    place.sql.execute("vacuum analyze public.bare")
    place.sql.execute("checkpoint")
    barrier, spans = threading.Barrier(connections), []

    def work() -> None:
        with connect(place.database.url) as connection:
            barrier.wait()
            began = time.perf_counter()
            while rows := connection.execute(CLAIM, [batch]).fetchall():
                connection.execute(FINISH, [[row[0] for row in rows]])
            spans.append((began, time.perf_counter()))

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert place.value("select count(*) from public.bare_done") == tasks
    return tasks / (max(end for _, end in spans) - min(began for began, _ in spans))
