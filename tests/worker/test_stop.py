"""How runs are stopped: cancelled, out of time, at the end of their worker."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import Database, Process

Start = Callable[..., Process]


def test_cancel_reaches_what_runs(served: Any) -> None:
    served.sql.execute("select taskbell.configure('wide', concurrency => 20)")
    names = ["sleep", "polite", "catches", "stubborn", "deaf"]
    ids = {name: served.enqueue(name, {"seconds": 30}, queue="wide") for name in names}
    for task in ids.values():
        served.until_running(task)
    asked = time.monotonic()
    for task in ids.values():
        assert served.sql.execute("select taskbell.cancel(%s, 'enough')", [task]).fetchone()[0] == "running"
    for name in ("sleep", "polite"):
        done = served.wait(ids[name])
        assert (done["status"], done["error"]["type"]) == ("cancelled", "Cancelled"), name
        assert "enough" in done["error"]["message"]
    assert served.wait(ids["catches"])["result"] == "tidied up"
    assert time.monotonic() - asked < 5
    for name in ("stubborn", "deaf"):  # abandoned after the grace period of 10 s
        done = served.wait(ids[name], 20)
        assert done["status"] == "cancelled", name
        row = served.sql.execute("select error ->> 'message' from taskbell.attempts where task_id = %s", [ids[name]])
        assert "abandoned" in row.fetchone()[0]
    assert 9 < time.monotonic() - asked < 20
    assert served.wait(served.enqueue("echo", queue="wide"))["status"] == "succeeded"


def test_a_waiting_task_that_was_claimed_ahead_is_cancelled(served: Any) -> None:
    for _ in range(3):  # quick ones first, so that the worker claims ahead
        ids = served.many([{"task": "echo"}] * 200)
        served.wait(ids[-1])
    ids = served.many([{"task": "sleep", "payload": {"seconds": 0.8}}, *([{"task": "echo"}] * 20)])
    served.until_running(ids[0])
    assert served.sql.execute("select taskbell.cancel(%s)", [ids[-1]]).fetchone()[0] in ("running", "cancelled")
    assert served.wait(ids[-1])["status"] == "cancelled"
    assert served.wait(ids[-2])["status"] == "succeeded"


def test_timeouts_fail_the_attempt(served: Any) -> None:
    served.sql.execute("select taskbell.configure('timed', concurrency => 20)")
    ids = {
        name: served.enqueue(name, {"seconds": 30}, queue="timed", timeout="1 s", max_attempts=1)
        for name in ("sleep", "polite", "catches")
    }
    for name, task in ids.items():
        done = served.wait(task)
        assert (done["status"], done["error"]["type"]) == ("failed", "Timeout"), name
        assert done["error"]["message"].startswith("ran longer than its timeout of 1 s"), name


def test_sigterm_drains_and_gives_back_the_rest(queue: Any, worker: Start, database: Database) -> None:
    process = worker()
    running = queue.enqueue("deaf", {"seconds": 1.5})
    waiting = queue.many([{"task": "echo"}] * 50)
    queue.until_begun(running)
    assert process.stop() == 0
    assert queue.get(running)["status"] == "succeeded"
    rows = queue.sql.execute("select distinct status::text, attempt from taskbell.tasks where id = any(%s)", [waiting])
    assert rows.fetchall() == [("queued", 0)]
    assert queue.sql.execute("select count(*) from taskbell.workers where alive").fetchone()[0] == 0
    row = queue.sql.execute("select holder is null from taskbell.queues where name = 'default'").fetchone()
    assert row[0] is True
    assert "worker stopped" in process.log()


def test_a_second_signal_stops_at_once_free_of_charge(queue: Any, worker: Start) -> None:
    process = worker()
    queue.sql.execute("select taskbell.configure('wide', concurrency => 20)")
    ids = [queue.enqueue(name, {"seconds": 60}, queue="wide") for name in ("sleep", "deaf", "stubborn")]
    for task in ids:
        queue.until_begun(task)
    os.kill(process.pid, signal.SIGINT)
    process.wait_until(lambda: "worker stops" in process.log())
    begun = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    process.popen.wait(10)
    assert time.monotonic() - begun < 5
    for task in ids:
        done = queue.get(task)
        assert (done["status"], done["attempt"]) == ("queued", 0)
        row = queue.sql.execute("select status from taskbell.attempts where task_id = %s", [task]).fetchone()
        assert row[0] == "released"


@pytest.mark.parametrize("redis", [True, False])
def test_a_thread_that_is_left_behind_alone_costs_no_attempt(queue: Any, worker: Start, redis: bool) -> None:
    first = worker() if redis else worker(REDIS_URL="")
    task = queue.enqueue("deaf", {"seconds": 60}, max_attempts=1)
    queue.until_begun(task)
    second = worker(TASK_MODULES="worker.tasks", **({} if redis else {"REDIS_URL": ""}))
    for _ in range(2):
        os.kill(first.pid, signal.SIGTERM)
        first.wait_until(lambda: "worker stops" in first.log())
    assert first.popen.wait(10) == 0
    second.wait_until(lambda: "won queue default" in second.log())
    queue.wait(queue.enqueue("echo"))
    done = queue.get(task)
    assert (done["status"], done["attempt"]) == ("queued", 0)


def test_a_transaction_that_holds_an_outcome_up_does_not_keep_a_worker_from_saying_goodbye(
    queue: Any, worker: Start, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "record"
    process = worker()
    task = queue.enqueue("record", {"path": str(path), "n": 1, "seconds": 1})
    queue.until_begun(task)
    superuser = database.connect("superuser")
    with superuser.transaction():
        superuser.execute("select from taskbell.live where id = %s for update", [task])
        process.wait_until(lambda: " end 1 " in path.read_text())
        for _ in range(2):
            os.kill(process.pid, signal.SIGTERM)
            process.wait_until(lambda: "worker stops" in process.log())
        assert process.popen.wait(10) == 0
        assert queue.sql.execute("select holder is null from taskbell.queues where name = 'default'").fetchone()[0]
        assert queue.sql.execute("select count(*) from taskbell.workers where alive").fetchone()[0] == 0
    assert "could not say so" not in process.log()
    assert "what became of 1 tasks could not be told" in process.log()


def test_cancel_works_while_the_worker_drains(queue: Any, worker: Start) -> None:
    process = worker()
    task = queue.enqueue("sleep", {"seconds": 60})
    queue.until_begun(task)
    process.popen.terminate()
    process.wait_until(lambda: "worker stops" in process.log())
    queue.sql.execute("select taskbell.cancel(%s)", [task])
    assert queue.wait(task, 5)["status"] == "cancelled"
    assert process.popen.wait(10) == 0


def test_a_worker_leaves_no_process_behind(queue: Any, worker: Start) -> None:
    process = worker()
    process.wait_until(lambda: "worker ready" in process.log())
    children = psutil.Process(process.pid).children(recursive=True)
    assert children, "the heart"
    os.kill(process.pid, signal.SIGKILL)
    process.popen.wait()
    _, alive = psutil.wait_procs(children, timeout=3)
    assert not alive


def test_a_changed_module_starts_the_worker_again(queue: Any, worker: Start, tmp_path: Path) -> None:
    module = tmp_path / "their_tasks.py"
    module.write_text(
        "from worker import task\n@task\nasync def greet(name: str) -> str:\n    return 'hello ' + name\n"
    )
    process = worker(PYTHONPATH=str(tmp_path), TASK_MODULES="their_tasks")
    assert queue.wait(queue.enqueue("greet", {"name": "you"}))["result"] == "hello you"
    pid = process.pid
    module.write_text(module.read_text().replace("hello", "good day,"))
    process.wait_until(lambda: process.log().count("worker ready") == 2)
    assert queue.wait(queue.enqueue("greet", {"name": "you"}))["result"] == "good day, you"
    module.write_text("this is no Python\n")
    process.wait_until(lambda: "their_tasks can't be loaded: SyntaxError" in process.log())
    module.write_text("from worker import task\n@task\ndef greet(name: str) -> str:\n    return 'back, ' + name\n")
    process.wait_until(lambda: process.log().count("worker ready") == 4)
    assert queue.wait(queue.enqueue("greet", {"name": "you"}))["result"] == "back, you"
    assert process.pid == pid
    assert process.popen.poll() is None
