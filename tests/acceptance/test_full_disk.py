"""A disk is full, under the tables or under the log of Postgres: said in a line, survived, and nothing acknowledged is lost."""

import time
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import psycopg
import pytest

from tests.acceptance.ledger import begun
from tests.acceptance.load import API_KEYS, Load, OverHttp, outcome
from tests.acceptance.own_servers import OwnPostgres
from tests.acceptance.small_disk import SmallDisk, keep_tables_on, keep_wal_on
from tests.acceptance.trouble import TASKS, client, complaints, until_it_works
from tests.servers import Processes

# Its result is bigger than what is left of any page, and is told after the disk is full.
BIG = (
    """select taskbell.enqueue('odd_result', '{"kind": "wide"}', queue => 'shared', run_at => now() + interval '2 s')"""
)
BACK = 3.0  # seconds from there being room to the first task that is acknowledged
GOING_ON = 8.0  # seconds for which it stays full: longer than a lock's life


def write_wal(postgres: OwnPostgres) -> None:
    """Begin new files of the log until there is no room for one, which is the end of the server."""
    try:
        while True:
            with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
                connection.execute("select pg_logical_emit_message(false, 'fills', 'a file'), pg_switch_wal()")
    except psycopg.OperationalError:
        return


@pytest.mark.timeout(300)
@pytest.mark.parametrize("keep", [keep_tables_on, keep_wal_on])
def test_a_full_disk_is_said_in_a_line_and_survived_and_loses_nothing_acknowledged(
    small_disk: SmallDisk,
    own_postgres: OwnPostgres,
    processes: Processes,
    redis_url: str,
    record: Path,
    slack: Callable[[], float],
    keep: Callable[[SmallDisk, OwnPostgres], None],
) -> None:
    keep(small_disk, own_postgres)
    database = own_postgres.database
    database.connect().execute("select taskbell.configure('shared', exclusive => false, concurrency => 5)")
    worker = processes.worker(database, redis_url, **TASKS)
    base = processes.api(database, redis_url, API_KEYS=API_KEYS)
    api = processes.started[-1]
    load = Load(OverHttp([base], record))
    with load.running():
        load.reach(50)
        big = database.connect().execute(BIG).fetchone()
        assert big
        small_disk.fill()
        full = time.monotonic()
        if keep is keep_wal_on:
            write_wal(own_postgres)
        for process in (worker, api):
            process.wait_until(lambda process=process: len(complaints(process)) > 0, 40)
        with client(base) as http:
            refused = http.post("/api/tasks", json={"task": "echo", "payload": {"text": token_hex(50_000)}})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1"), refused.text
        truth = "no room left on its disk" if keep is keep_tables_on else "does not answer"
        assert truth in refused.json()["detail"]
        while time.monotonic() - full < GOING_ON:
            assert worker.popen.poll() is None
            time.sleep(0.1)
        small_disk.clear()
        if keep is keep_wal_on:  # as whatever supervises it does
            own_postgres.shut_down()  # it may hang: a postmaster can miss that its recovery found no room either
            own_postgres.start()
        assert own_postgres.alive()
        room = time.monotonic()
        load.reach(1)
        assert time.monotonic() - room < BACK + slack()
        load.reach(50)
    done = outcome(database.url, load)
    with psycopg.connect(database.url) as connection:
        told = connection.execute("select taskbell.get(%s) ->> 'status'", big).fetchone()
    assert told == ("succeeded",), "what could not be stored was told again"
    assert {status for status, _ in done.values()} == {"succeeded"}
    assert sum(begun(record).values()) - len(done) <= 6, "only what was claimed or reported at that moment ran again"
    until_it_works(base)
    for process in (worker, api):  # that it is over they say half a minute later: tests/db/test_presence.py
        assert process.popen.poll() is None, "nothing of ours needed a restart"
        assert len(complaints(process)) <= 4, process.log()
