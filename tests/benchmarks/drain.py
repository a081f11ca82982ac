"""How fast workers run what is queued: no-op tasks, from the first run's start to the last commit."""

import time
import uuid
from typing import Any

from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import SETTLE, Place, Stage, connect, cpu_seconds

QUEUE = "bench"
LOOK = 0.02  # seconds between looks whether all is done
PATIENCE = 120.0  # seconds
FLOOR_BATCH = 1000
CLAIM = "select id, token, payload from taskbell.claim(%s::uuid, %s, '{echo}', %s)"
COMPLETE = "select * from taskbell.complete(%s::uuid[], %s::uuid[], %s::float8[], %s::text::jsonb)"


def measure(stage: Stage, tasks: int, repeats: int) -> list[Figure]:
    """Return the drains of one worker (serial, 50 at once, plain functions) and of one and two on an open queue."""
    bare = [floor(stage, tasks) for _ in range(repeats)]
    name = f"bare claim and complete, batch {FLOOR_BATCH:,}"
    serial = drains(stage, tasks, repeats, exclusive=True, concurrency=1)
    wide = drains(stage, tasks, repeats, exclusive=True, concurrency=50)
    plain = drains(stage, tasks // 2, repeats, exclusive=True, concurrency=50, task="plain_echo")
    one = drains(stage, tasks, repeats, exclusive=False, concurrency=50)
    two = drains(stage, tasks, repeats, exclusive=False, concurrency=50, workers=2)
    common = {"floor": bare, "floor_name": name}
    return [
        _figure("1 worker, serial queue, async", serial, at_least=25_000, **common),
        _figure("1 worker, concurrency 50, async", wide, at_least=18_750, **common),
        _figure("1 worker, concurrency 50, plain functions", plain, at_least=10_000, **common),
        _figure("1 worker, open queue, concurrency 50, async", one, **common),
        Figure(
            "Drain", "2 workers, open queue, concurrency 50, async", "/s", [rate for rate, _ in two],
            floor=[rate for rate, _ in one], floor_name="one worker", ratio_at_least=1.15,
        ),
    ]  # fmt: skip


def drains(
    stage: Stage, tasks: int, repeats: int, *, exclusive: bool, concurrency: int, task: str = "echo", workers: int = 1
) -> list[tuple[float, float]]:
    """Return, for each repeat, tasks a second and the worker's microseconds of CPU a task."""
    found = []
    for _ in range(repeats):
        with stage.place() as place:
            prepare(place, exclusive=exclusive, concurrency=concurrency)
            found.append(drain(place, tasks, task=task, workers=workers))
    return found


def prepare(place: Place, *, exclusive: bool, concurrency: int) -> None:
    """Make the queue, at a standstill."""
    place.know("echo", "plain_echo")
    query = "select taskbell.configure(%s, exclusive => %s, concurrency => %s)"
    place.sql.execute(query, [QUEUE, exclusive, concurrency])
    place.sql.execute("select taskbell.pause(%s)", [QUEUE])


def drain(place: Place, tasks: int, *, task: str = "echo", workers: int = 1) -> tuple[float, float]:
    """Fill a queue that stands still, start workers, let it go; return tasks a second and CPU microseconds a task."""
    place.fill(QUEUE, tasks, task)
    place.sql.execute("analyze taskbell.live")
    started = [place.worker() for _ in range(workers)]
    place.sql.execute("checkpoint")
    time.sleep(SETTLE)
    spent = cpu_seconds(*started)
    place.sql.execute("select taskbell.resume(%s)", [QUEUE])
    deadline = time.monotonic() + PATIENCE
    while place.value("select exists (select from taskbell.live where queue = %s)", QUEUE):
        assert time.monotonic() < deadline, started[0].log()
        time.sleep(LOOK)
    ended = time.time()
    spent = cpu_seconds(*started) - spent
    began = place.value("select extract(epoch from min(started_at))::float8 from taskbell.finished")
    done = place.value("select count(*) from taskbell.finished where status = 'succeeded'")
    assert done == tasks, f"{done} of {tasks} succeeded"
    return tasks / (ended - began), spent / tasks * 1e6


def floor(stage: Stage, tasks: int) -> float:
    """Return the tasks a second of the worker's own two statements, one after the other, on one bare connection."""
    with stage.place() as place:
        worker = place.know("echo")
        place.sql.execute("select taskbell.configure(%s, exclusive => false)", [QUEUE])
        place.fill(QUEUE, tasks)
        place.sql.execute("analyze taskbell.live")
        place.sql.execute("checkpoint")
        connection = connect(place.database.url)
        began = time.perf_counter()
        done = 0
        while rows := connection.execute(CLAIM, [worker, QUEUE, FLOOR_BATCH]).fetchall():
            complete(connection, rows)
            done += len(rows)
        took = time.perf_counter() - began
        connection.close()
        assert done == tasks
        return tasks / took


def complete(connection: Any, rows: list[tuple[uuid.UUID, uuid.UUID, str]]) -> None:
    """Complete claimed rows (id, token, payload), each with its payload as its result."""
    ids, tokens, payloads = zip(*rows, strict=True)
    refused = connection.execute(
        COMPLETE, [list(ids), list(tokens), [0.0] * len(ids), f"[{','.join(payloads)}]"]
    ).fetchall()
    assert refused == []


def _figure(name: str, found: list[tuple[float, float]], **more: Any) -> Figure:
    spent = sorted(microseconds for _, microseconds in found)[len(found) // 2]
    return Figure("Drain", name, "/s", [rate for rate, _ in found], note=f"{spent:.0f} µs of its CPU a task", **more)
