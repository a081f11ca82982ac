"""Order, concurrency, batches: what runs when."""

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.servers import Process

Start = Callable[..., Process]


def lines_of(path: Path) -> list[tuple[float, str, int]]:
    return [(float(at), what, int(n)) for at, what, n, _ in (line.split() for line in path.read_text().splitlines())]


def test_a_serial_queue_runs_one_by_one_in_order_with_two_workers(queue: Any, worker: Start, tmp_path: Path) -> None:
    worker()
    worker()
    path = tmp_path / "record"
    for part in range(10):
        queue.many([{"task": "record", "payload": {"path": str(path), "n": part * 50 + i}} for i in range(50)])
    queue.until("select not exists (select from taskbell.tasks where status in ('queued', 'running'))", seconds=30)
    events = lines_of(path)
    assert [(what, n) for _, what, n in events] == [(what, n) for n in range(500) for what in ("start", "end")]


def test_higher_priority_overtakes(queue: Any, worker: Start, tmp_path: Path) -> None:
    path = tmp_path / "record"
    worker()
    queue.until_running(queue.enqueue("record", {"path": str(path), "n": 0, "seconds": 1.5}))
    queue.many([{"task": "record", "payload": {"path": str(path), "n": n, "seconds": 0.05}} for n in (1, 2)])
    last = queue.enqueue("record", {"path": str(path), "n": 9}, priority=50)
    queue.wait(last)
    queue.until("select not exists (select from taskbell.tasks where status in ('queued', 'running'))")
    assert [n for _, what, n in lines_of(path) if what == "start"] == [0, 9, 1, 2]


def test_fifty_sleeps_at_once(queue: Any, worker: Start) -> None:
    worker()
    queue.sql.execute("select taskbell.configure('wide', concurrency => 50)")
    queue.until("select exists (select from taskbell.queues where name = 'wide')")
    begun = time.monotonic()
    queue.many([{"task": "sleep", "queue": "wide", "payload": {"seconds": 1}} for _ in range(50)])
    queue.until("select count(*) = 50 from taskbell.tasks where status = 'succeeded'")
    assert time.monotonic() - begun < 5.0, "one by one they would take 50 s"


def test_plain_functions_run_at_once_too(queue: Any, worker: Start) -> None:
    worker()
    queue.sql.execute("select taskbell.configure('wide', concurrency => 20)")
    begun = time.monotonic()
    queue.many([{"task": "deaf", "queue": "wide", "payload": {"seconds": 1}} for _ in range(20)])
    queue.until("select count(*) = 20 from taskbell.tasks where status = 'succeeded'")
    assert time.monotonic() - begun < 3.0


def test_what_waits_behind_a_slow_task_is_given_back(queue: Any, worker: Start, tmp_path: Path) -> None:
    worker()
    path = tmp_path / "record"
    quick = [{"task": "record", "payload": {"path": str(path), "n": n}} for n in range(300)]
    slow = {"task": "record", "payload": {"path": str(path), "n": 300, "seconds": 3}}
    queue.many([*quick, slow, *({"task": "echo"} for _ in range(100))])
    queue.until("select count(*) = 300 from taskbell.tasks where status = 'succeeded'")
    # All but what its batch did in 50 ms on average, of which the quick ones before it are part.
    queue.until("select count(*) filter (where status = 'queued') >= 90 from taskbell.tasks", seconds=2.5)
    queue.until("select count(*) = 401 from taskbell.tasks where status = 'succeeded'")
    row = queue.sql.execute("select max(attempt), count(*) from taskbell.tasks").fetchone()
    assert row == (1, 401)


def test_a_pause_gives_back_and_holds(queue: Any, worker: Start) -> None:
    worker()
    running = queue.enqueue("deaf", {"seconds": 1.5})
    queue.until_begun(running)
    queue.sql.execute("select taskbell.pause('default')")
    held = queue.enqueue("echo")
    assert queue.wait(running)["status"] == "succeeded"
    assert queue.get(held)["status"] == "queued"
    queue.sql.execute("select taskbell.resume('default')")
    assert queue.wait(held)["status"] == "succeeded"


def test_an_unknown_task_is_left_alone(queue: Any, worker: Start) -> None:
    worker()
    unknown = queue.enqueue("nobody.knows.it")
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded"
    assert queue.get(unknown)["status"] == "queued"


def test_queues_limits_what_is_served(queue: Any, worker: Start) -> None:
    worker(QUEUES="mine")
    other = queue.enqueue("echo", queue="other")
    assert queue.wait(queue.enqueue("echo", queue="mine"))["status"] == "succeeded"
    assert queue.get(other)["status"] == "queued"


def test_a_later_task_starts_on_time(queue: Any, worker: Start) -> None:
    worker()
    task = queue.sql.execute("select taskbell.enqueue('echo', run_at => now() + interval '1.35 s')").fetchone()[0]
    queue.wait(str(task))
    late = queue.sql.execute(
        "select extract(epoch from started_at - run_at) from taskbell.tasks where id = %s", [task]
    ).fetchone()[0]
    assert 0 <= late < 0.3


def test_times_of_a_serial_queue_never_overlap(queue: Any, worker: Start) -> None:
    """However their reports are batched: one run's end is before the next one's beginning."""
    worker()
    queue.many([{"task": "sleep", "payload": {"seconds": 0.01}} for _ in range(60)])
    queue.until("select count(*) = 60 from taskbell.tasks where status = 'succeeded'")
    rows = queue.sql.execute("select started_at, finished_at from taskbell.tasks order by id").fetchall()
    assert all(started < finished for started, finished in rows)
    assert all(before[1] <= after[0] for before, after in pairwise(rows))
    assert sum((finished - started).total_seconds() for started, finished in rows) > 60 * 0.009
