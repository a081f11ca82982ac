"""A worker is killed, stopped, or kept busy: what it had claimed runs elsewhere, once, and what it says later counts nothing."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.ledger import begun, lines, overlap, spans
from tests.servers import Database, Process

Start = Callable[..., Process]
LEASE, POLL, LOCK_LIFE, BEAT = 30.0, 1.0, 5.0, 1.5
CLAIMED_AHEAD = "select count(*) > 5 from taskbell.tasks where status = 'running'"


def quick_ones(path: Path, queue: str, count: int = 400) -> list[dict[str, Any]]:
    """Return tasks so quick that a worker claims ahead, a slow one, and what waits behind that."""
    record: list[dict[str, Any]] = [{"task": "record", "payload": {"path": str(path), "n": n}} for n in range(count)]
    record[count // 2]["payload"]["seconds"] = 2
    return [{**task, "queue": queue} for task in record]


@pytest.mark.parametrize(
    ("queue_name", "within"), [("default", LOCK_LIFE + 1), ("shared", LEASE + POLL)], ids=["exclusive", "shared"]
)
def test_a_worker_killed_with_claims_ahead_loses_and_doubles_nothing(
    queue: Any, worker: Start, record: Path, slack: Callable[[], float], queue_name: str, within: float
) -> None:
    queue.sql.execute("select taskbell.configure('shared', exclusive => false)")
    first = worker()
    ids = queue.many(quick_ones(record, queue_name))
    slow = ids[len(ids) // 2]
    before = len(ids) // 2
    queue.until("select count(*) = %s from taskbell.tasks where status = 'succeeded'", before)
    queue.until(CLAIMED_AHEAD, seconds=1)
    first.kill()
    killed = time.monotonic()
    second = worker()
    queue.until("select attempt = 2 and status = 'running' from taskbell.tasks where id = %s", slow, seconds=60)
    assert time.monotonic() - killed < within + 0.5 + slack()
    queue.until("select count(*) = %s from taskbell.tasks where status = 'succeeded'", len(ids), seconds=30)
    rows = queue.sql.execute("select id::text from taskbell.tasks where attempt > 1").fetchall()
    assert rows == [(slow,)], "attempts count only what began"
    runs = Counter((run.n, run.attempt) for run in spans(record))
    assert set(runs) == {(n, 1) for n in range(len(ids))} | {(before, 2)}
    assert begun(record) == dict.fromkeys(range(len(ids)), 1) | {before: 2}, "nothing else ran twice"
    assert second.popen.poll() is None


def test_a_worker_stopped_for_a_lease_is_fenced_when_it_wakes(
    queue: Any, worker: Start, record: Path, slack: Callable[[], float]
) -> None:
    queue.sql.execute("select taskbell.configure('shared', exclusive => false)")
    first = worker()
    first.wait_until(lambda: "won queue default" in first.log())
    beside = record.with_suffix(".shared")
    lasting = {"n": 0, "seconds": 60}  # both still run when it wakes
    task = queue.enqueue("ticks", {"path": str(record), **lasting})
    leased = queue.enqueue("ticks", {"path": str(beside), **lasting}, queue="shared")
    for one in (task, leased):
        queue.until_running(one)
    second = worker()
    second.wait_until(lambda: "worker ready" in second.log())
    os.killpg(first.pid, signal.SIGSTOP)  # the heart with it
    stopped = time.monotonic()
    later = queue.many(
        [{"task": "ticks", "payload": {"path": str(record), "n": n, "seconds": 0.2}} for n in range(1, 8)]
    )
    try:
        second.wait_until(lambda: "won queue default" in second.log())
        assert time.monotonic() - stopped < LOCK_LIFE + 1 + slack()
        queue.until(
            "select attempt = 2 and started_at is not null from taskbell.tasks where id = %s", leased, seconds=35
        )
        assert time.monotonic() - stopped < LEASE + POLL + 0.5 + slack()
    finally:
        woken = time.monotonic()
        os.killpg(first.pid, signal.SIGCONT)
    queue.until("select stale_calls >= 1 from taskbell.health")  # what it said when it woke was refused and counted
    for one in (task, leased):
        assert queue.get(one)["status"] == "running", "what it said when it woke ended nothing"
        queue.sql.execute("select taskbell.cancel(%s)", [one])
        done = queue.wait(one)
        assert (done["status"], done["attempt"]) == ("cancelled", 2)
    queue.until("select count(*) = 7 from taskbell.tasks where status = 'succeeded'", seconds=40)
    assert {queue.get(one)["attempt"] for one in later} == {1}
    for file in (record, beside):
        first_runs = [line.at for line in lines(file) if (line.n, line.attempt) == (0, 1)]
        assert max(first_runs) - woken < 0.3 + slack(), "how long two workers' tasks ran beside one another"
        assert [at for at in first_runs if stopped + 0.1 < at < woken] == [], "it was stopped indeed"
    assert "the heart process has stopped beating" not in first.log(), (
        "it was stopped too, which is no fault of its own"
    )


def test_a_kill_is_taken_over_within_a_lock_life_and_a_second(
    queue: Any, worker: Start, record: Path, slack: Callable[[], float]
) -> None:
    first = worker()
    first.wait_until(lambda: "won queue default" in first.log())
    alone = queue.enqueue("sleep", {"seconds": 6}, queue="alone")  # nothing else is in its queue, and nothing comes
    queue.until_running(alone)
    second = worker()
    first.kill()
    killed = time.monotonic()
    queue.wait(queue.enqueue("record", {"path": str(record), "n": 1}))
    assert spans(record)[0].begin - killed < LOCK_LIFE + 1 + slack()
    assert "won queue default" in second.log()
    queue.until("select attempt = 2 and status = 'running' from taskbell.tasks where id = %s", alone)
    assert time.monotonic() - killed < LOCK_LIFE + 1.5 + slack()
    assert queue.wait(alone)["status"] == "succeeded"


def test_a_clean_stop_is_taken_over_within_100_ms(
    queue: Any, worker: Start, record: Path, slack: Callable[[], float]
) -> None:
    gaps = []
    holder = worker()
    holder.wait_until(lambda: "won queue default" in holder.log())
    for turn in range(3):
        standby = worker()
        queue.many(
            [
                {"task": "record", "payload": {"path": str(record), "n": turn * 100 + n, "seconds": 0.1}}
                for n in range(30)
            ]
        )
        queue.until("select exists (select from taskbell.tasks where status = 'running')")
        assert holder.stop() == 0
        standby.wait_until(lambda now=standby: "won queue default" in now.log())
        queue.until("select not exists (select from taskbell.tasks where status in ('queued', 'running'))")
        runs = [run for run in spans(record) if run.n // 100 == turn]
        gaps.append(max(late.begin - early.end for early, late in pairwise(runs)))
        holder = standby
    assert overlap(record) < 0, "never two at once"
    assert sorted(gaps)[1] < 0.1 + slack(), gaps


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_task_that_blocks_the_loop_or_holds_the_gil_for_a_minute_keeps_its_lease(
    queue: Any, worker: Start, tmp_path: Path
) -> None:
    busy = {"gil": "hold_gil", "loop": "spin"}
    workers = [worker(QUEUES=name) for name in busy]
    tasks = [
        queue.enqueue("hold_gil", {"seconds": 60}, queue="gil", max_attempts=1),
        queue.enqueue("spin", {"path": str(tmp_path / "spun"), "seconds": 60}, queue="loop", max_attempts=1),
    ]
    queue.until("select count(*) = 2 from taskbell.tasks where status = 'running'")
    worker(QUEUES="gil,loop")  # who would take it over
    for task in tasks:
        queue.until("select finished_at is not null from taskbell.tasks where id = %s", task, seconds=90)
        done = queue.get(task)
        assert (done["status"], done["attempt"]) == ("succeeded", 1)
    assert all("could not be confirmed" not in one.log() for one in workers)
    assert all("heart process has stopped" not in one.log() for one in workers)


def test_a_lost_database_row_of_a_worker_is_no_harm(
    queue: Any, worker: Start, database: Database, record: Path, slack: Callable[[], float]
) -> None:
    process = worker()
    task = queue.enqueue("record", {"path": str(record), "n": 0, "seconds": 7})  # longer than a lock's life
    queue.until_running(task)
    database.connect("superuser").execute("delete from taskbell.worker")
    deleted = time.monotonic()
    process.wait_until(lambda: "registering again" in process.log())
    assert time.monotonic() - deleted < BEAT + 0.5 + slack()
    queue.until("select stale_calls >= 1 from taskbell.health")  # a beat of somebody unknown is counted
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"
    assert queue.get(task)["status"] == "succeeded"
    assert begun(record) == {0: 1}, "it ran on"
    assert "lost queue" not in process.log()
