"""The main way: enqueue anywhere, wake at once, run in order, whoever holds the lock."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg
import pytest
from websockets.sync.client import connect

from tests.acceptance.ledger import lines, spans
from tests.servers import Database, Process
from tests.worker.test_bell import ASLEEP, lateness

Start = Callable[..., Process]
LISTENS = "select pid from pg_stat_activity where datname = current_database() and application_name = 'taskbell worker listen'"


def test_a_task_starts_within_50_ms_of_a_commit_300_ms_later(
    queue: Any, worker: Start, database: Database, slack: Callable[[], float]
) -> None:
    worker()
    late = []
    with psycopg.connect(database.url) as other:
        for _ in range(9):
            queue.until(ASLEEP)
            task = other.execute("select taskbell.enqueue('echo')").fetchone()[0]
            time.sleep(0.3)  # the wait that the promise speaks of
            before = queue.sql.execute("select clock_timestamp()").fetchone()[0]
            other.commit()
            late.append(lateness(queue, str(task), before))
    assert median(late) < 0.05 + slack(), late


def test_a_task_enqueued_while_the_worker_falls_asleep_starts_at_its_commit(
    queue: Any, worker: Start, database: Database, slack: Callable[[], float]
) -> None:
    worker()
    superuser = database.connect("superuser")
    unheard = ASLEEP.replace("mode = 'ExclusiveLock'", "mode = 'ShareLock'")  # it will not ring: the worker was awake
    late = []
    with psycopg.connect(database.url) as other:
        while len(late) < 7:
            queue.enqueue("echo")
            task = other.execute("select taskbell.enqueue('echo')").fetchone()[0]
            if not superuser.execute(unheard).fetchone()[0]:
                other.rollback()
                continue
            time.sleep(0.3)
            before = queue.sql.execute("select clock_timestamp()").fetchone()[0]
            other.commit()
            late.append(lateness(queue, str(task), before))
    assert median(late) < 0.05 + slack(), late


def terminate(superuser: Any, stop: threading.Event) -> None:
    while not stop.wait(0.02):
        superuser.execute(LISTENS.replace("select pid", "select pg_terminate_backend(pid)"))


@contextmanager
def cut_off(kind: str, superuser: Any) -> Iterator[None]:
    """Keep workers from hearing NOTIFY: end their LISTEN as soon as it comes back, or make its backend go silent."""
    if kind == "silent":
        (pid,) = superuser.execute(LISTENS).fetchone()
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
    else:
        stop = threading.Event()
        thread = threading.Thread(target=terminate, args=(superuser, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@pytest.mark.parametrize("kind", ["terminated", "silent"])
def test_without_listen_a_task_starts_within_1100_ms(
    queue: Any, worker: Start, database: Database, slack: Callable[[], float], kind: str
) -> None:
    process = worker()
    queue.until(ASLEEP)
    late = []
    with cut_off(kind, database.connect("superuser")):
        for _ in range(4):
            before = queue.sql.execute("select clock_timestamp()").fetchone()[0]
            late.append(lateness(queue, queue.enqueue("echo"), before))
    assert max(late) < 1.1 + slack(), late
    queue.until("select listening from taskbell.workers", seconds=20)
    assert process.popen.poll() is None


def test_two_workers_under_load_keep_the_strictly_serial_order(
    queue: Any, worker: Start, database: Database, record: Path
) -> None:
    worker()
    worker()
    each, producers = 300, 3

    def produce(who: int) -> None:
        with psycopg.connect(database.url, autocommit=True) as connection:
            for i in range(each):
                payload = json.dumps({"path": str(record), "n": who * 1000 + i})
                connection.execute("select taskbell.enqueue('record', %s::jsonb)", [payload])

    threads = [threading.Thread(target=produce, args=(who,)) for who in range(producers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    queue.until("select count(*) = %s from taskbell.tasks where status = 'succeeded'", each * producers, seconds=60)
    written = lines(record)
    assert [line.what for line in written] == ["start", "end"] * (each * producers)
    assert all(first.n == second.n for first, second in zip(written[::2], written[1::2], strict=True))
    for who in range(producers):
        own = [line.n for line in written[::2] if line.n // 1000 == who]
        assert own == [who * 1000 + i for i in range(each)], "one producer's tasks run in its order"


def test_concurrency_50_runs_50_sleeps_at_once(queue: Any, worker: Start, record: Path) -> None:
    queue.sql.execute("select taskbell.configure('wide', concurrency => 50)")
    worker()
    queue.many(
        [{"task": "record", "queue": "wide", "payload": {"path": str(record), "n": n, "seconds": 2}} for n in range(50)]
    )
    queue.until("select count(*) = 50 from taskbell.tasks where status = 'succeeded'", seconds=30)
    runs = spans(record)
    assert len(runs) == 50
    assert max(run.begin for run in runs) < min(run.end for run in runs)


def test_a_trigger_in_another_schema_enqueues_and_is_rolled_back_with_its_row(
    queue: Any, worker: Start, database: Database
) -> None:
    worker()
    shop = psycopg.connect(database.login("shop", "taskbell_producer"), autocommit=True)
    superuser = database.connect("superuser")
    superuser.execute(f'create schema shop authorization "{shop.info.user}"')
    shop.execute("create table shop.orders (id int primary key, mail text)")
    shop.execute(
        "create function shop.confirm() returns trigger language plpgsql as $$ begin"
        " perform taskbell.enqueue('wordcount', jsonb_build_object('text', new.mail)); return new; end $$"
    )
    shop.execute("create trigger confirm after insert on shop.orders for each row execute function shop.confirm()")
    with shop.transaction():
        shop.execute("insert into shop.orders values (1, 'never sent')")
        raise psycopg.Rollback
    shop.execute("insert into shop.orders values (2, 'sent at commit')")
    queue.until("select exists (select from taskbell.tasks where status = 'succeeded')")
    rows = queue.sql.execute(
        "select payload ->> 'text', result ->> 'words', enqueued_by from taskbell.tasks"
    ).fetchall()
    assert rows == [("sent at commit", "3", shop.info.user)]
    shop.close()


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "no-redis"])
def test_from_post_to_result_by_wait_events_and_websocket_early_and_late(
    worker: Start, run_api: Callable[..., str], database: Database, redis_url: str, with_redis: bool
) -> None:
    redis = redis_url if with_redis else ""
    worker(REDIS_URL=redis)
    base = run_api(database, redis)
    with httpx.Client(base_url=base, trust_env=False, timeout=20) as http:
        done = http.post("/api/tasks", json={"task": "echo", "payload": {"a": 1}}, headers={"Prefer": "wait=10"})
        assert (done.status_code, done.json()["result"]) == (200, {"a": 1})
        late = join(base, done.json())
        assert late["result"] == {"a": 1}
        door = http.get("/api/new_task/", params={"task": "sleep", "seconds": "0.5"}).json()
        assert join(base, door)["result"] == {"slept": 0.5}
        with http.stream("GET", f"/api/tasks/{door['id']}/events", headers={"X-Task-Token": door["token"]}) as events:
            data = [json.loads(line[6:]) for line in events.iter_lines() if line.startswith("data: ")]
        assert data[-1]["status"] == "succeeded"


def join(base: str, task: dict[str, Any]) -> dict[str, Any]:
    """Join over the websocket; return the finished task."""
    with connect(base.replace("http", "ws") + "/ws", proxy=None) as websocket:
        websocket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": task["token"]}}))
        while True:
            message: dict[str, Any] = json.loads(websocket.recv(timeout=15))
            if message["status"] in ("succeeded", "failed"):
                return message
