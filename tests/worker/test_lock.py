"""Who holds an exclusive queue, and what becomes of it when something dies, stops or is cut off."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from tests.servers import Database, Process, Processes
from worker.run import GRACE

Start = Callable[..., Process]


def overlap(path: Path) -> float:
    """Return the longest time that two runs of `record` overlapped, in seconds."""
    events = sorted(line.split() for line in path.read_text().splitlines())
    spans: dict[tuple[str, str], list[float]] = {}
    for at, _, n, attempt in events:
        spans.setdefault((n, attempt), []).append(float(at))
    ordered = sorted(span for span in spans.values() if len(span) == 2)
    return max((a[1] - b[0] for a, b in pairwise(ordered)), default=0.0)


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "postgres"])
def test_a_killed_workers_queue_is_taken_over_within_a_lock_life(
    queue: Any, worker: Start, redis_url: str, with_redis: bool
) -> None:
    env = {"REDIS_URL": redis_url if with_redis else ""}
    first = worker(**env)
    first.wait_until(lambda: "won queue default" in first.log())
    second = worker(**env)
    second.wait_until(lambda: "worker ready" in second.log())
    lost = queue.enqueue("sleep", {"seconds": 60})
    waiting = queue.many([{"task": "echo"}] * 20)
    queue.until_running(lost)
    first.kill()
    killed = time.monotonic()
    second.wait_until(lambda: "won queue default" in second.log())
    assert time.monotonic() - killed < 7.0
    queue.until("select attempt = 2 and status = 'running' from taskbell.tasks where id = %s", lost)
    assert queue.sql.execute("select taskbell.cancel(%s)", [lost]).fetchone()[0] == "running"
    assert [queue.wait(task)["attempt"] for task in waiting] == [1] * 20
    row = queue.sql.execute("select status, attempt from taskbell.attempts where task_id = %s and run = 1", [lost])
    assert row.fetchone() == ("lost", 1)


def test_a_clean_stop_hands_over_at_once(queue: Any, worker: Start) -> None:
    first = worker()
    first.wait_until(lambda: "won queue default" in first.log())
    second = worker()
    second.wait_until(lambda: "worker ready" in second.log())
    first.popen.terminate()
    first.wait_until(lambda: "worker stopped" in first.log())
    stopped = time.monotonic()
    second.wait_until(lambda: "won queue default" in second.log())
    assert time.monotonic() - stopped < 0.5
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"


def test_a_stopped_process_loses_lock_and_is_fenced(queue: Any, worker: Start, tmp_path: Path) -> None:
    path = tmp_path / "record"
    first = worker()
    first.wait_until(lambda: "won queue default" in first.log())
    second = worker()
    second.wait_until(lambda: "worker ready" in second.log())
    task = queue.enqueue("record", {"path": str(path), "n": 1, "seconds": 2})
    queue.until_running(task)
    os.kill(first.pid, signal.SIGSTOP)
    try:
        second.wait_until(lambda: "won queue default" in second.log())
        done = queue.wait(task)
        assert (done["status"], done["attempt"]) == ("succeeded", 2)
    finally:
        os.kill(first.pid, signal.SIGCONT)
    first.wait_until(lambda: "could not be confirmed" in first.log())
    assert queue.get(task)["seq"] == done["seq"]
    holder = queue.sql.execute(
        "select holder_name like %s from taskbell.queues where name = 'default'", [f"%:{second.pid}"]
    )
    assert holder.fetchone()[0] is True
    assert first.popen.poll() is None
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"


def test_a_flushed_redis_is_won_back(queue: Any, worker: Start, redis_url: str) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    task = queue.enqueue("sleep", {"seconds": 4})
    queue.until_running(task)
    redis.Redis.from_url(redis_url).flushall()
    done = queue.wait(task)
    assert (done["status"], done["attempt"]) == ("succeeded", 1)
    process.wait_until(lambda: process.log().count("won queue default") == 2)


def begun_without_redis(queue: Any, worker: Start, task: str, **payload: Any) -> Process:
    """Start a worker that runs one task, its lock in Postgres alone."""
    process = worker(REDIS_URL="")
    process.wait_until(lambda: "won queue default" in process.log())
    queue.until_running(queue.enqueue(task, payload))
    return process


def take_lock_away(queue: Any, database: Database) -> None:
    queue.sql.execute("select taskbell.pause('default')")  # else it is won back
    database.connect("superuser").execute("delete from taskbell.holder where queue = 'default'")


def test_a_lost_lock_reaches_a_task_that_keeps_the_event_loop_busy(
    queue: Any, worker: Start, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "spun"
    process = worker(REDIS_URL="")
    process.wait_until(lambda: "won queue default" in process.log())
    task = queue.enqueue("spin", {"path": str(path), "seconds": 30})
    queue.until("select status = 'running' from taskbell.tasks where id = %s", task)
    database.connect("superuser").execute("delete from taskbell.holder where queue = 'default'")
    process.wait_until(lambda: "its worker lost the right to run it" in process.log(), 12)
    assert not path.exists()


def test_a_lost_lock_that_was_heard_of_reaches_a_task_that_is_busy_only_then_and_may_tidy_up(
    queue: Any, worker: Start, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "tidied"
    process = begun_without_redis(queue, worker, "rest_and_spin", path=str(path), rest=2.5, seconds=30)
    take_lock_away(queue, database)
    process.wait_until(lambda: "lost queue default" in process.log(), 2.4)
    process.wait_until(lambda: "its worker lost the right to run it" in process.log(), 12)
    assert "did not stop" not in process.log()
    assert path.read_text() == "tidied up\n"


def test_who_swallows_that_and_is_busy_once_the_queue_is_ours_again_is_told_again(
    queue: Any, worker: Start, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "spun"
    process = begun_without_redis(queue, worker, "swallow_and_spin", path=str(path), rest=3, seconds=30)
    take_lock_away(queue, database)
    process.wait_until(path.exists, 7)
    queue.sql.execute("select taskbell.resume('default')")
    process.wait_until(lambda: process.log().count("won queue default") == 2, 2.9)
    process.wait_until(lambda: "its worker lost the right to run it" in process.log(), GRACE + 2)
    assert path.read_text() == "swallowed\n"
    assert "did not stop" not in process.log()


def test_what_was_claimed_in_a_queue_just_won_is_not_given_back(queue: Any, worker: Start) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    for turn in range(8):  # so that some are won while a beat is under way that knows nothing of them
        queue.many([{"task": "sleep", "payload": {"seconds": 0.1}, "queue": f"fresh_{turn}_{n}"} for n in range(10)])
        time.sleep(0.3)
    queue.until("select count(*) = 80 from taskbell.tasks where status = 'succeeded'", seconds=30)
    counted = queue.sql.execute("select seq, count(*) from taskbell.tasks group by seq").fetchall()
    assert len(counted) == 1, f"each change counts, and all had the same: {counted}"


def test_a_heart_that_dies_as_it_starts_is_replaced(queue: Any, worker: Start, tmp_path: Path) -> None:
    died = tmp_path / "died"
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        f"if sys.orig_argv[-1] == 'worker.heart' and not os.path.exists({str(died)!r}):\n"
        f"    open({str(died)!r}, 'w').close()\n"
        "    os._exit(1)\n"
    )
    process = worker(PYTHONPATH=str(tmp_path))
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"
    assert died.exists()
    assert process.log().count("starting another one") == 1


def test_no_heart_outlives_a_worker_that_dies_while_it_starts(
    database: Database, processes: Processes, tmp_path: Path
) -> None:
    (tmp_path / "their_tasks.py").write_text(
        "import os, time\nif os.fork() == 0:\n    time.sleep(20)  # it holds the heart's stdin open\n    os._exit(0)\n"
        "time.sleep(2)  # the heart is up by then\nraise SystemExit('no')\n"
    )
    env = {"DATABASE_URL": database.url, "SECRET_KEY": "a secret that is long enough for this test"}
    env |= {"PYTHONPATH": str(tmp_path), "TASK_MODULES": "their_tasks"}
    process = processes.start("worker", [sys.executable, "-m", "worker"], **env)

    def hearts() -> list[psutil.Process]:
        children = psutil.Process(process.pid).children()
        return [one for one in children if "worker.heart" in one.cmdline()]

    process.wait_until(lambda: bool(hearts()))
    found = hearts()
    assert process.popen.wait(10) != 0
    _, alive = psutil.wait_procs(found, timeout=5)
    assert not alive


def test_a_dead_heart_is_replaced(queue: Any, worker: Start) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    task = queue.enqueue("sleep", {"seconds": 4})
    queue.until_running(task)
    psutil.Process(process.pid).children()[0].kill()
    process.wait_until(lambda: "starting another one" in process.log())
    assert queue.wait(task)["status"] == "succeeded"


@contextmanager
def away(database: Database) -> Iterator[None]:
    """Refuse the worker, whose connections end."""
    superuser = database.connect("superuser")
    superuser.execute("alter role taskbell_app connection limit 0")
    try:
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and application_name like 'taskbell worker%'"
        )
        yield
    finally:
        superuser.execute("alter role taskbell_app connection limit -1")


def test_the_database_away_for_two_seconds_breaks_nothing_off(
    queue: Any, worker: Start, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "record"
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    task = queue.enqueue("record", {"path": str(path), "n": 0, "seconds": 10})
    queue.until_running(task)
    beaten = "select clock_timestamp() - max(beat_at) > interval '1.3 s' from taskbell.workers"
    for _ in range(2):
        queue.until(beaten)  # right before the next beat, which is the worst moment
        with away(database):
            time.sleep(2)
        queue.until(f"select not ({beaten})", seconds=1.1)  # the heart tries more often than others
    done = queue.wait(task, 20)
    assert (done["status"], done["attempt"]) == ("succeeded", 1)
    assert path.read_text().count(" start ") == 1, "it ran through"
    assert "could not be confirmed" not in process.log()
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"
    assert process.log().count("the database does not answer") == 2


def test_the_database_away_twice_costs_no_order(queue: Any, worker: Start, database: Database, tmp_path: Path) -> None:
    path = tmp_path / "record"
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    queue.many([{"task": "record", "payload": {"path": str(path), "n": n, "seconds": 0.002}} for n in range(1000)])
    for part in (1, 2):
        queue.until("select count(*) > %s from taskbell.tasks where status = 'succeeded'", part * 250)
        with away(database):
            time.sleep(2)
    queue.until("select count(*) = 1000 from taskbell.tasks where status = 'succeeded'", seconds=30)
    began = [int(line.split()[2]) for line in path.read_text().splitlines() if " start " in line]
    assert began == list(range(1000)), "in order, none twice"
    assert "could not be confirmed" not in process.log()


@pytest.mark.parametrize("with_redis", [True, False], ids=["redis", "postgres"])
def test_an_outage_longer_than_a_lock_life_breaks_off_free_of_charge_and_in_order(
    queue: Any, worker: Start, database: Database, redis_url: str, tmp_path: Path, with_redis: bool
) -> None:
    path = tmp_path / "record"
    process = worker(REDIS_URL=redis_url if with_redis else "")
    process.wait_until(lambda: "won queue default" in process.log())
    task = queue.enqueue("record", {"path": str(path), "n": 0, "seconds": 7}, max_attempts=1)
    queue.until_running(task)
    queue.many([{"task": "record", "payload": {"path": str(path), "n": n}} for n in range(1, 100)])
    with away(database):
        process.wait_until(lambda: "could not be confirmed" in process.log(), 7)
    queue.until("select count(*) = 100 from taskbell.tasks where status = 'succeeded'", seconds=30)
    assert queue.get(task)["attempt"] == 1, "nobody took it over: it began anew, uncharged"
    began = [int(line.split()[2]) for line in path.read_text().splitlines() if " start " in line]
    assert began == [0, *range(100)], "what was broken off comes first again"
