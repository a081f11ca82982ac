"""Stops: a signal drains, a second one ends it, and restarting everything in turn loses and doubles nothing."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.ledger import begun
from tests.acceptance.load import API_KEYS, KEY, Load, OverHttp, outcome
from tests.servers import Database, Process, Processes
from worker.drain import BREAK_OFF, DRAIN

Start = Callable[..., Process]


def test_sigterm_drains_and_a_second_signal_stops_both_free_of_charge(queue: Any, worker: Start) -> None:
    process = worker()
    running = queue.enqueue("stubborn", {"seconds": 60})
    waiting = queue.many([{"task": "echo"}] * 20)
    queue.until_begun(running)
    os.kill(process.pid, signal.SIGTERM)
    process.wait_until(lambda: "worker stops" in process.log())
    queue.until("select bool_and(status = 'queued') from taskbell.tasks where id = any(%s::uuid[])", waiting, seconds=2)
    assert queue.get(running)["status"] == "running", "it has its time to end"
    asked = time.monotonic()
    os.kill(process.pid, signal.SIGTERM)
    process.popen.wait(10)
    assert time.monotonic() - asked < 4
    rows = queue.sql.execute("select distinct status::text, attempt from taskbell.tasks").fetchall()
    assert rows == [("queued", 0)]


@pytest.mark.slow
def test_what_outlasts_the_drain_is_broken_off_free_of_charge_and_the_worker_ends(
    queue: Any, worker: Start, slack: Callable[[], float]
) -> None:
    queue.sql.execute("select taskbell.configure('default', concurrency => 3)")
    process = worker()
    endless = [queue.enqueue(name, {"seconds": 600}, max_attempts=1) for name in ("sleep", "stubborn", "deaf")]
    for task in endless:
        queue.until_begun(task)
    os.kill(process.pid, signal.SIGTERM)
    asked = time.monotonic()
    queue.until("select clock_timestamp() - %s::timestamptz > '18 s'", now(queue), seconds=30)
    assert {queue.get(task)["status"] for task in endless} == {"running"}, "they have their time to end"
    assert process.popen.wait(30) == 0
    assert DRAIN < time.monotonic() - asked < DRAIN + BREAK_OFF + 1 + slack()
    assert "worker stopped" in process.log()
    for task in endless:
        done = queue.get(task)
        assert (done["status"], done["attempt"], done["error"]) == ("queued", 0, None), (
            "not charged, though it was its last"
        )
        row = queue.sql.execute("select status::text from taskbell.attempts where task_id = %s", [task]).fetchone()
        assert row == ("released",), "and its history tells"


def now(queue: Any) -> Any:
    return queue.sql.execute("select clock_timestamp()").fetchone()[0]


def test_cancel_reaches_a_task_of_a_worker_that_shuts_down(
    queue: Any, worker: Start, run_api: Callable[..., str], database: Database, slack: Callable[[], float]
) -> None:
    process = worker()
    base = run_api(database, API_KEYS=API_KEYS)
    task = queue.enqueue("sleep", {"seconds": 60})
    queue.until_begun(task)
    os.kill(process.pid, signal.SIGTERM)
    process.wait_until(lambda: "worker stops" in process.log())
    with httpx.Client(base_url=base, trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as http:
        http.get("/api/healthz")  # connected
        asked = time.monotonic()
        assert http.post(f"/api/tasks/{task}/cancel", json={"reason": "enough"}).status_code == 202
        done = http.get(f"/api/tasks/{task}", headers={"Prefer": "wait=5"}).json()
    assert time.monotonic() - asked < 1 + slack()
    assert done["status"] == "cancelled"
    assert "enough" in done["error"]["message"]
    row = queue.sql.execute("select cancelled_by, cancel_reason from taskbell.tasks where id = %s", [task]).fetchone()
    assert row == ("key:load", "enough")
    assert process.popen.wait(10) == 0


def test_a_rolling_restart_of_workers_and_apis_under_load_loses_and_doubles_nothing(
    queue: Any, worker: Start, run_api: Callable[..., str], processes: Processes, database: Database, record: Path
) -> None:
    queue.sql.execute("select taskbell.configure('shared', exclusive => false, concurrency => 5)")
    workers = [worker(), worker()]
    bases = [run_api(database, API_KEYS=API_KEYS) for _ in range(2)]
    apis = processes.started[-2:]
    load = Load(OverHttp(bases, record))
    with load.running():
        load.reach(50)
        for _ in range(2):
            bases.append(run_api(database, API_KEYS=API_KEYS))
            apis.append(processes.started[-1])
            del bases[0]
            assert apis.pop(0).stop() in (0, -signal.SIGTERM), "uvicorn says goodbye, then dies of the signal"
            workers.append(worker())
            assert workers.pop(0).stop() == 0
        load.reach(50)
    done = outcome(database.url, load)
    assert Counter(done.values()) == {("succeeded", 1): len(done)}
    assert begun(record) == dict.fromkeys(done, 1), "each ran once"
    assert load.refused <= 2, "requests in flight are answered before an API ends"
