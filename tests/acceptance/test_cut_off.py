"""A worker is cut off from the database alone, while Redis answers: others get its queues and tasks, when it works no more."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.ledger import Span, overlap, spans
from tests.acceptance.trouble import complaints
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database, Process

Start = Callable[..., Process]
LOCK_LIFE, LEASE, MARGIN, POLL = 5.0, 30.0, 0.25, 1.0
BEATEN = "select clock_timestamp() - (select beat_at from taskbell.workers order by started_at limit 1)"
AGAIN = "select attempt = 2 and started_at is not null from taskbell.tasks where id = %s"


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("cut", "held", "shared"),
    # The lease, thirty seconds, is waited for once: a network that refuses is noticed sooner than one that is silent.
    [
        (FreezeProxy.refuse, "ticks_without_rest", []),
        (FreezeProxy.freeze, "ticks", ["ticks", "ticks_in_a_thread"]),
    ],
    ids=["refused", "silent"],
)
def test_a_holder_cut_off_from_the_database_alone_gives_its_queues_up(
    queue: Any,
    worker: Start,
    database: Database,
    record: Path,
    slack: Callable[[], float],
    cut: Callable[[FreezeProxy], None],
    held: str,
    shared: list[str],
) -> None:
    beside = record.with_suffix(".shared")
    queue.sql.execute("select taskbell.configure('shared', exclusive => false, concurrency => 2)")
    with FreezeProxy(database.server.port) as network:
        first = worker(DATABASE_URL=database.url.replace(f":{database.server.port}/", f":{network.port}/"))
        first.wait_until(lambda: "won queue default" in first.log())
        ran = queue.enqueue(held, {"path": str(record), "n": 0, "seconds": 7})
        leased = [
            queue.enqueue(task, {"path": str(beside), "n": n, "seconds": 60}, queue="shared")
            for n, task in enumerate(shared)
        ]
        for task in (ran, *leased):
            queue.until_running(task)
        second = worker()
        waiting = queue.many([{"task": "record", "payload": {"path": str(record), "n": n}} for n in range(1, 20)])
        queue.until(f"{BEATEN} < interval '50 ms'")  # as late as may be after that, and no later, it must have stopped
        cut(network)
        cut_at = time.monotonic()
        queue.until(AGAIN, ran, seconds=30)
        assert "won queue default" in second.log()
        for task in waiting:
            assert queue.wait(task)["attempt"] == 1, "what had not begun is not charged"
        assert queue.get(ran)["status"] == "succeeded"
        for task in leased:
            queue.until(AGAIN, task, seconds=40)
            queue.sql.execute("select taskbell.cancel(%s)", [task])
        allowed = slack()
        network.thaw()
        queue.until("select workers_listening = 2 from taskbell.health", seconds=30)
        first.wait_until(lambda: len(about_the_database(first)) == 2, 10)
        assert second.stop() == 0
        assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded", "the first one is back"
        assert first.stop() == 0
    assert overlap(record) < 0, "never two at once"
    broken_off_in_time(spans(record), 0, cut_at, LOCK_LIFE, allowed)
    for n, _ in enumerate(leased):
        broken_off_in_time(spans(beside), n, cut_at, LEASE, allowed)
    trouble, back = about_the_database(first)
    assert " ERROR " in trouble
    assert " after " in back
    assert "the heart process has stopped" not in first.log()


def broken_off_in_time(runs: list[Span], n: int, cut_at: float, life: float, allowed: float) -> None:
    """Check that a task's first run ended before what it ran under did, and its second began after that, and soon."""
    (first,) = [run for run in runs if (run.n, run.attempt) == (n, 1)]
    (second,) = [run for run in runs if (run.n, run.attempt) == (n, 2)]
    assert first.end - cut_at < life - MARGIN + 0.15 + allowed, "it was told"
    assert first.end < second.begin, "never two at once"
    assert second.begin - cut_at < life + POLL + 0.1 + allowed, "how long its queue stood still"


def about_the_database(process: Process) -> list[str]:
    """Return the lines on the trouble itself, not on what became of a task by it."""
    return [line for line in complaints(process) if "the database" in line]
