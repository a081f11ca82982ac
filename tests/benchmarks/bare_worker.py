"""The least that could be called a worker: `python -m tests.benchmarks.bare_worker URL`. Prints `ready`, runs until killed.

A task's way in three bare commits: a client inserts a row and notifies, this process hears it, claims the row, moves it to
another table and notifies the client. No checks, no fence, no retries, no pool, no event loop; every statement prepared.
"""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.benchmarks.stage import connect

TABLES = """
create table public.bare_live (id bigint generated always as identity primary key, status text not null default 'queued');
create table public.bare_done (id bigint primary key, at timestamptz not null, claimed double precision not null);
grant all on all tables in schema public to public;
"""
SEND = "with sent as (insert into public.bare_live default values) select pg_notify('bare_wake', '')"
CLAIM = (
    "update public.bare_live set status = 'running' where id = any (array(select id from public.bare_live"
    " where status = 'queued' order by id for update skip locked limit 1)) returning id"
)
FINISH = (
    "with gone as (delete from public.bare_live where id = %s returning id),"
    " stored as (insert into public.bare_done select id, now(), %s from gone) select pg_notify('bare_done', '')"
)


def main(url: str) -> None:
    """Serve."""
    connection = connect(url)
    connection.execute("listen bare_wake")
    print("ready", flush=True)
    while True:
        for _ in list(connection.notifies(stop_after=1)):  # all that have come by then
            claimed = connection.execute(CLAIM).fetchone()
            if claimed:
                connection.execute(FINISH, [*claimed, time.monotonic()])


@contextlib.contextmanager
def started(url: str) -> Iterator[None]:
    """Have such a process."""
    with subprocess.Popen([sys.executable, "-m", __spec__.name, url], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


if __name__ == "__main__":
    main(sys.argv[1])
