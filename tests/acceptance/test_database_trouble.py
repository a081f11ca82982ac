"""The database goes away, comes back, goes silent, refuses, is locked: each process says so, backs off, recovers."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.acceptance.ledger import begun
from tests.acceptance.load import API_KEYS, Load, OverHttp, OverSql, outcome
from tests.acceptance.own_servers import OwnPostgres
from tests.acceptance.trouble import TASKS, client, complaints, until_it_works
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database, Process, Processes

Start = Callable[..., Process]
FAILED_OVER = 5.0  # seconds from a promotion to the same
NOTICED = 10.5  # seconds of silence from the database until that is said
BACK = 3.0  # seconds from a database that answers to the first task that is acknowledged


@pytest.mark.parametrize("how", ["shut_down", "crash"])
def test_a_restart_of_postgres_under_load_loses_nothing_acknowledged(
    own_postgres: OwnPostgres,
    processes: Processes,
    redis_url: str,
    record: Path,
    slack: Callable[[], float],
    how: str,
) -> None:
    database = own_postgres.database
    database.connect().execute("select taskbell.configure('shared', exclusive => false, concurrency => 5)")
    workers = [processes.worker(database, redis_url, **TASKS) for _ in range(2)]
    base = processes.api(database, redis_url, API_KEYS=API_KEYS)
    api = processes.started[-1]
    by_http, by_sql = Load(OverHttp([base], record)), Load(OverSql(database.url, record.with_suffix(".sql")))
    with by_http.running(), by_sql.running():
        by_http.reach(50)
        for _ in range(2):
            getattr(own_postgres, how)()
            own_postgres.start()
            answers = time.monotonic()
            by_http.reach(1)
            assert time.monotonic() - answers < BACK + slack()
            by_http.reach(50)
            by_sql.reach(50)
    for load, path in ((by_http, record), (by_sql, record.with_suffix(".sql"))):
        done = outcome(database.url, load)
        assert {status for status, _ in done.values()} == {"succeeded"}
        again = sum(begun(path).values()) - len(done)
        assert again <= 4, "only what a worker was about to claim or report at that moment ran again"
    assert all(process.popen.poll() is None for process in (*workers, api)), "nothing needed a restart"
    for process in (*workers, api):
        assert 1 <= len([line for line in complaints(process) if "does not answer" in line]) <= 3, "one a restart"


def test_each_kind_of_connection_may_be_terminated(
    queue: Any, worker: Start, run_api: Callable[..., str], processes: Processes, database: Database, redis_url: str
) -> None:
    process = worker()
    base = run_api(database, redis_url, API_KEYS=API_KEYS)
    api = processes.started[-1]
    until_it_works(base)
    superuser = database.connect("superuser")
    named = "select distinct application_name from pg_stat_activity where datname = current_database() and application_name like 'taskbell %'"
    kinds = [row[0] for row in superuser.execute(named).fetchall()]
    assert len(kinds) >= 6, kinds
    for kind in kinds:
        running = queue.enqueue("sleep", {"seconds": 0.5})
        queue.until("select status = 'running' from taskbell.tasks where id = %s", running)
        terminated = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = %s and datname = current_database()"
        assert superuser.execute(terminated, [kind]).rowcount >= 1
        until_it_works(base)
        done = queue.wait(running)
        assert (done["status"], done["attempt"]) == ("succeeded", 1), kind
    queue.until("select workers_listening = 1 from taskbell.health")
    for one in (process, api):
        assert one.popen.poll() is None
        assert len(complaints(one)) <= 3, "what broke and is there again takes one line, or none"


def test_a_silent_network_is_noticed_said_in_a_line_and_survived(
    queue: Any,
    worker: Start,
    run_api: Callable[..., str],
    processes: Processes,
    database: Database,
    redis_url: str,
    slack: Callable[[], float],
) -> None:
    port = database.server.port
    with FreezeProxy(port) as workers_line, FreezeProxy(port) as apis_line:
        process = worker(DATABASE_URL=through(database, workers_line.port))
        base = run_api(database, redis_url, API_KEYS=API_KEYS, DATABASE_URL=through(database, apis_line.port))
        api = processes.started[-1]
        until_it_works(base)
        workers_line.freeze()
        apis_line.freeze()
        frozen = time.monotonic()
        for one in (process, api):  # an API that nobody asks, too
            one.wait_until(lambda one=one: len(complaints(one)) >= 1, 25)
        assert time.monotonic() - frozen < NOTICED + slack()
        with client(base) as http:
            refused = http.post("/api/tasks", json={"task": "echo"})
            assert refused.status_code == 503, refused.text
            assert "Retry-After" in refused.headers
        queue.until("select not exists (select from taskbell.workers where alive)", seconds=45)
        for one in (process, api):
            assert len(complaints(one)) == 1, one.log()
        workers_line.thaw()
        apis_line.thaw()
        until_it_works(base)
        queue.until("select workers_listening = 1 from taskbell.health")
        for one in (process, api):
            one.wait_until(lambda one=one: len(complaints(one)) >= 2, 10)
            trouble, back = complaints(one)
            assert "the database" in trouble
            assert "the database" in back
            assert " after " in back


def through(database: Database, port: int) -> str:
    return database.url.replace(f":{database.server.port}/", f":{port}/")


def test_a_read_only_database_is_said_and_survived(
    own_postgres: OwnPostgres, processes: Processes, redis_url: str
) -> None:
    database = own_postgres.database
    process = processes.worker(database, redis_url, **TASKS)
    base = processes.api(database, redis_url, API_KEYS=API_KEYS)
    api = processes.started[-1]
    until_it_works(base)
    superuser = database.connect("superuser")
    superuser.execute("alter system set default_transaction_read_only = on")
    superuser.execute("select pg_reload_conf()")
    with client(base) as http:
        deadline = time.monotonic() + 10
        while (refused := http.post("/api/tasks", json={"task": "echo"})).status_code != 503:
            assert time.monotonic() < deadline, refused.text
        assert "Retry-After" in refused.headers
    process.wait_until(lambda: "read-only" in process.log(), 10)
    superuser.execute("set default_transaction_read_only = off")
    superuser.execute("alter system reset default_transaction_read_only")
    superuser.execute("select pg_reload_conf()")
    until_it_works(base)
    for one in (process, api):
        assert one.popen.poll() is None
        assert 1 <= len([line for line in complaints(one) if " ERROR " in line]) <= 2, one.log()


def test_locks_held_by_somebody_else_hold_up_only_what_they_lock(
    queue: Any,
    worker: Start,
    run_api: Callable[..., str],
    database: Database,
    redis_url: str,
    slack: Callable[[], float],
) -> None:
    queue.sql.execute("select taskbell.configure('default', concurrency => 5)")
    process = worker()
    base = run_api(database, redis_url, API_KEYS=API_KEYS)
    taken: list[float] = []
    with psycopg.connect(database.superuser_url) as somebody:
        task = queue.enqueue("sleep", {"seconds": 1})
        queue.until("select status = 'running' from taskbell.tasks where id = %s", task)
        somebody.execute("select from taskbell.live where id = %s for update", [task])
        for _ in range(10):
            sent = time.monotonic()
            assert queue.wait(queue.enqueue("echo"), 5)["status"] == "succeeded"
            taken.append(time.monotonic() - sent)
        assert median(taken) < 0.3 + slack(), taken
        time.sleep(1)
        assert queue.get(task)["status"] == "running"
    assert queue.wait(task)["attempt"] == 1
    with psycopg.connect(database.superuser_url) as somebody:
        somebody.execute("lock table taskbell.live in access exclusive mode")
        time.sleep(12)  # longer than any deadline
    until_it_works(base)
    assert process.popen.poll() is None


def test_failover_to_a_promoted_replica_loses_nothing_acknowledged(
    own_postgres: OwnPostgres,
    processes: Processes,
    redis_url: str,
    record: Path,
    tmp_path: Path,
    slack: Callable[[], float],
) -> None:
    database = own_postgres.database
    database.connect().execute("select taskbell.configure('shared', exclusive => false, concurrency => 5)")
    with own_postgres.replica(tmp_path / "replica") as replica:
        both = database.url.replace(f":{own_postgres.port}/", f":{own_postgres.port},127.0.0.1:{replica.port}/")
        process = processes.worker(database, redis_url, **TASKS, DATABASE_URL=both)
        base = processes.api(database, redis_url, API_KEYS=API_KEYS, DATABASE_URL=both)
        load = Load(OverHttp([base], record))
        with load.running():
            load.reach(100)
            own_postgres.crash()
            replica.promote()
            promoted = time.monotonic()
            load.reach(1)
            assert time.monotonic() - promoted < FAILED_OVER + slack()
            load.reach(100)
        there = make_conninfo(database.url, port=replica.port)
        done = outcome(there, load)
        assert Counter(status for status, _ in done.values()) == {"succeeded": len(done)}
        assert sum(begun(record).values()) - len(done) <= 10
        assert process.popen.poll() is None
        until_it_works(base)
        own_postgres.start()
