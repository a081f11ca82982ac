"""Waking: at once by the bell, within a second without it, and few queries while nothing is to be done."""

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import psycopg

from tests.servers import Database, Process

Start = Callable[..., Process]
LATE = "select extract(epoch from started_at - %s) from taskbell.tasks where id = %s"
ASLEEP = (
    "select exists (select from pg_locks where locktype = 'advisory' and granted and mode = 'ExclusiveLock'"
    " and database = (select oid from pg_database where datname = current_database())"
    " and (classid::bigint << 32) + objid::bigint = 8386110886190083180)"
)


def lateness(queue: Any, task: str, since: Any) -> float:
    queue.wait(task)
    return float(queue.sql.execute(LATE, [since, task]).fetchone()[0])


def until_asleep(queue: Any) -> None:
    queue.until(ASLEEP)


def test_an_idle_worker_starts_a_task_within_milliseconds(served: Any) -> None:
    until_asleep(served)
    late = []
    for _ in range(40):
        task = served.enqueue("echo")
        done = served.wait(task)
        row = served.sql.execute(
            "select extract(epoch from started_at - created_at) from taskbell.tasks where id = %s", [done["id"]]
        ).fetchone()
        late.append(float(row[0]))
        time.sleep(0.03)
    assert median(late) < 0.05


def test_a_transaction_that_commits_later_starts_at_its_commit(served: Any, module_database: Database) -> None:
    until_asleep(served)
    with psycopg.connect(module_database.url) as other:
        late = []
        for asleep in (True, False, True, False, True):
            if not asleep:  # begun while the worker is awake: it must not sleep past this one's commit
                served.enqueue("echo")
            task = other.execute("select taskbell.enqueue('echo')").fetchone()[0]
            time.sleep(0.3)
            before = served.sql.execute("select clock_timestamp()").fetchone()[0]
            other.commit()
            late.append(lateness(served, str(task), before))
    assert median(late) < 0.05, late
    assert max(late) < 0.5, late


def test_nothing_is_lost_under_a_stream_of_tasks(served: Any, module_database: Database) -> None:
    late = []
    for pause in (0.0, 0.005, 0.01, 0.015, 0.02) * 20:
        task = served.enqueue("echo")
        time.sleep(pause)
        late.append(task)
    for task in late:
        served.wait(task)
    worst = served.sql.execute(
        "select max(extract(epoch from started_at - created_at)) from taskbell.tasks where id = any(%s)"
        " having count(started_at) = 100",
        [late],
    )
    assert worst.fetchone() is not None
    row = served.sql.execute(
        "select percentile_cont(0.9) within group (order by extract(epoch from started_at - created_at))"
        " from taskbell.tasks where id = any(%s)",
        [late],
    ).fetchone()
    assert row[0] < 0.2


def test_a_lone_task_costs_no_giving_up_and_taking_again(queue: Any, worker: Start, database: Database) -> None:
    worker()
    queue.wait(queue.enqueue("echo"))
    superuser = database.connect("superuser")
    # when the bell's connection last ran a statement: it takes the lock with one, and gives it up with one
    used = "select query_start from pg_stat_activity where datname = %s and application_name = 'taskbell worker bell'"
    kept = 0
    for _ in range(20):
        until_asleep(queue)
        time.sleep(0.05)
        before = superuser.execute(used, [database.name]).fetchone()
        queue.wait(queue.enqueue("echo"))
        time.sleep(0.05)
        kept += superuser.execute(used, [database.name]).fetchone() == before
    assert kept > 10, kept  # not each time: on a busy machine a task may take longer than that is kept


def test_a_bell_that_lost_its_lock_takes_it_again_by_itself(queue: Any, worker: Start, database: Database) -> None:
    worker()
    until_asleep(queue)
    superuser = database.connect("superuser")
    bell = (
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name like '%%bell'"
    )
    assert superuser.execute(bell, [database.name]).fetchall() == [(True,)]
    queue.until(f"select not ({ASLEEP.removeprefix('select ')})")
    until_asleep(queue)


def test_a_stream_of_tasks_is_not_slept_on(queue: Any, worker: Start, database: Database) -> None:
    worker()
    queue.wait(queue.enqueue("echo"))
    with psycopg.connect(database.url, autocommit=True) as listener, psycopg.connect(database.url) as sender:
        listener.execute("listen taskbell_wake")
        sender.autocommit = True
        sent, until = 0, time.monotonic() + 3
        while time.monotonic() < until:
            sender.execute("select taskbell.enqueue('echo')")
            sent += 1
        rings = sum(1 for _ in listener.notifies(timeout=0.2))
    assert rings < sent / 4, f"{rings} rings for {sent} tasks"


def test_without_its_listener_a_task_starts_within_a_poll(queue: Any, worker: Start, database: Database) -> None:
    worker()
    queue.wait(queue.enqueue("echo"))
    until_asleep(queue)
    superuser = database.connect("superuser")
    for _ in range(3):
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name like 'taskbell worker%listen%'"
        )
        task = queue.enqueue("echo")
        queue.wait(task)
        row = queue.sql.execute(
            "select extract(epoch from started_at - created_at) from taskbell.tasks where id = %s", [task]
        ).fetchone()
        assert float(row[0]) < 1.1
    until_asleep(queue)


def test_an_idle_worker_makes_at_most_two_queries_a_second(queue: Any, worker: Start, database: Database) -> None:
    process = worker()
    process.wait_until(lambda: "won queue public" in process.log())
    until_asleep(queue)
    superuser = database.connect("superuser")
    commits = "select pg_stat_force_next_flush(), xact_commit + xact_rollback from pg_stat_database where datname = %s"

    def count() -> int:
        row = superuser.execute(commits, [database.name]).fetchone()
        assert row
        return int(row[1])

    time.sleep(12)  # idle sessions flush their counts within ten seconds
    before, begun = count(), time.monotonic()
    time.sleep(20)
    rate = (count() - before - 1) / (time.monotonic() - begun)
    assert rate <= 2.1, f"{rate:.2f} transactions a second"


def test_sleeping_workers_hold_back_no_vacuum(queue: Any, worker: Start, database: Database) -> None:
    worker(QUEUES="default")
    worker(QUEUES="other")
    until_asleep(queue)
    time.sleep(1.5)
    superuser = database.connect("superuser")
    for _ in range(5):
        row = superuser.execute(
            "select max(extract(epoch from clock_timestamp() - query_start)) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and backend_xmin is not null"
        ).fetchone()
        assert row[0] is None or row[0] < 1.5
        time.sleep(0.3)
