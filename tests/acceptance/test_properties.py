"""The books balance: whatever clients, operators and dying workers do at once, and however long transactions stay open."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.acceptance.ledger import begun
from tests.db.test_interleavings import storm
from tests.servers import Database, Process

Start = Callable[..., Process]
STORM = 30.0  # seconds
MINUTE = 60.0
HOLDS_XMIN = (
    "select application_name from pg_stat_activity where datname = current_database() and backend_xmin is not null"
    " and application_name like 'taskbell%' and xact_start < now() - interval '2 s'"
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_deadlock_and_nothing_lost_in_30_s_of_everything_at_once(
    queue: Any, worker: Start, database: Database
) -> None:
    process = worker()  # a real one, in the midst
    storm(database, STORM, players=6)
    assert process.popen.poll() is None
    queue.sql.execute("select taskbell.resume(), taskbell.resume('default')")
    assert queue.wait(queue.enqueue("echo", queue="after-the-storm"))["status"] == "succeeded"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_books_balance_though_workers_are_killed_and_operators_meddle(
    queue: Any, worker: Start, record: Path
) -> None:
    queue.sql.execute("select taskbell.configure('shared', exclusive => false, concurrency => 3)")
    chance = random.Random(4)
    workers = [worker(), worker()]
    ids: list[str] = []
    seen: dict[str, int] = {}
    for turn in range(40):
        n = len(ids)
        task = {"task": "record", "payload": {"path": str(record), "n": n, "seconds": chance.choice([0, 0, 0.2])}}
        ids += queue.many([{**task, "queue": chance.choice(["default", "shared"]), "idempotency_key": f"k{n}"}])
        some = chance.choice(ids)
        for act in chance.sample(["cancel", "retry", "pause", "resume"], 2):
            argument = some if act in ("cancel", "retry") else chance.choice(["default", "shared"])
            try:
                queue.sql.execute(f"select taskbell.{act}(%s)", [argument])
            except psycopg.Error as error:
                assert error.sqlstate in ("TB001", "TB002"), error
        if turn % 10 == 9:
            workers.pop(0).kill()
            workers.append(worker())
        for id_, seq in queue.sql.execute("select id::text, seq from taskbell.tasks").fetchall():
            assert seq >= seen.get(id_, 0), "seq never falls"
            seen[id_] = seq
    queue.sql.execute("select taskbell.resume('default'), taskbell.resume('shared')")
    queue.until("select not exists (select from taskbell.tasks where status in ('queued', 'running'))", seconds=120)
    rows = queue.sql.execute(
        "select id::text, status::text, attempt <= max_attempts, finished_at is not null from taskbell.tasks"
    ).fetchall()
    assert sorted(row[0] for row in rows) == sorted(ids), "none is lost, none is there twice"
    assert {row[2:] for row in rows} == {(True, True)}
    assert {row[1] for row in rows} <= {"succeeded", "cancelled"}
    runs = begun(record)
    done = [n for n, id_ in enumerate(ids) if (id_, "succeeded") in {row[:2] for row in rows}]
    assert [n for n in done if runs[n] == 0] == [], "none succeeds that never ran"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_transaction_open_for_a_minute_delays_nobody_else_and_idle_workers_hold_no_snapshot(
    queue: Any, worker: Start, database: Database, slack: Callable[[], float]
) -> None:
    worker()
    worker()
    queue.sql.execute("select taskbell.configure('default', concurrency => 4)")
    cancelled = queue.sql.execute("select taskbell.enqueue('echo', run_at => now() + interval '1 h')").fetchone()[0]
    acts = {
        "an enqueue": "select taskbell.enqueue('echo')",
        "a cancel": f"select taskbell.cancel('{cancelled}')",
        "a key": "select taskbell.enqueue('echo', idempotency_key => 'held')",
        "a new queue": "select taskbell.enqueue('echo', queue => 'brand_new')",
    }
    open_ones = {name: psycopg.connect(database.url) for name in acts}
    for name, act in acts.items():
        open_ones[name].execute(act)
    begun_at, late, turns = time.monotonic(), [], 0
    superuser = database.connect("superuser")
    while time.monotonic() - begun_at < MINUTE:
        for name in ("default", "brand_new", f"other_{turns % 3}"):
            asked = time.monotonic()
            assert queue.wait(queue.enqueue("echo", queue=name))["status"] == "succeeded"
            late.append(time.monotonic() - asked)
        if turns % 5 == 0:
            for query in (acts["a key"], acts["a cancel"]):
                asked = time.monotonic()
                with pytest.raises(psycopg.errors.LockNotAvailable):
                    queue.sql.execute(query)
                assert time.monotonic() - asked < 2.5 + slack(), "one and the same key, or task: 2 s"
        assert superuser.execute(HOLDS_XMIN).fetchall() == [], "sleeping workers hold no snapshot"
        turns += 1
        time.sleep(0.5)  # so that they fall asleep in between
    waited = [seconds for seconds in late if seconds > 1.1 + slack()]
    assert len(waited) <= len(late) // 50, f"a new queue's first task waits for the poll at most: {waited}"
    assert sorted(late)[len(late) // 2] < 0.25 + slack()
    for connection in open_ones.values():
        connection.commit()
        connection.close()
    queue.until("select count(*) = 0 from taskbell.tasks where status in ('queued', 'running')")
    assert queue.get(str(cancelled))["status"] == "cancelled"
