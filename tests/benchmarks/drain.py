"""How fast workers run what is queued: no-op tasks, from the first run's start to the last commit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from db.models import Claim
from db.worker_client import CLAIM, COMPLETE, array
from tests.benchmarks import bare
from tests.benchmarks.figure import Figure, middle
from tests.benchmarks.stage import SETTLE, Place, Stage, connect, cpu_seconds
from tests.servers import Process

QUEUE = "bench"
LOOK = 0.02  # seconds between looks whether all is done
PATIENCE = 300.0  # seconds
BATCH = 1000  # of the floors
CLAIMED = ("id", "token", "payload", "priority", "run_at")
ID, TOKEN, PAYLOAD, PRIORITY, RUN_AT = (Claim._fields.index(name) for name in CLAIMED)  # their places in a claim's row


@dataclass
class Way:
    """One way to drain, and what each repeat of it gave."""

    name: str
    exclusive: bool
    concurrency: int
    task: str = "echo"
    workers: int = 1
    at_least: float | None = None
    rates: list[float] = field(default_factory=list)
    spent: list[float] = field(default_factory=list)


def measure(stage: Stage, tasks: int, repeats: int) -> list[Figure]:
    """Return the drains of one worker and of two; all ways take turns, the floors among them."""
    one = Way("1 worker, open queue, concurrency 50, async", exclusive=False, concurrency=50)
    two = Way("2 workers, open queue, concurrency 50, async", exclusive=False, concurrency=50, workers=2)
    ways = [
        Way("1 worker, serial queue, async", exclusive=True, concurrency=1, at_least=25_000),
        Way("1 worker, concurrency 50, async", exclusive=True, concurrency=50, at_least=18_750),
        Way("1 worker, serial queue, plain functions", exclusive=True, concurrency=1, task="plain_echo"),
        Way(
            "1 worker, concurrency 50, plain functions",
            exclusive=True,
            concurrency=50,
            task="plain_echo",
            at_least=10_000,
        ),
        one,
        two,
    ]
    own: list[float] = []
    tables: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        own.append(floor(stage, tasks))
        for connections, rates in tables.items():
            with stage.place() as place:
                rates.append(bare.claim_and_finish(place, tasks, BATCH, connections))
        for way in ways:
            run(stage, way, tasks)
    name = f"claim and complete alone, batch {BATCH:,}"
    figures = [
        Figure("Drain", f"bare tables, batch {BATCH:,}, {connections} connection{'s' * (connections > 1)}", "/s", rates)
        for connections, rates in tables.items()
    ]
    figures.append(Figure("Drain", name, "/s", own, floor=tables[1], floor_name="bare tables, 1 connection"))
    figures += [_figure(way, floor=own, floor_name=name) for way in ways if way is not two]
    return [*figures, _figure(two, floor=one.rates, floor_name="one worker", ratio_at_least=1.15)]


def run(stage: Stage, way: Way, tasks: int) -> None:
    """Drain once in a fresh database, and note what it gave."""
    with stage.place() as place:
        prepare(place, exclusive=way.exclusive, concurrency=way.concurrency)
        place.fill(QUEUE, tasks, way.task)
        rate, spent = drain(place, workers=way.workers)
        way.rates.append(rate)
        way.spent.append(spent)


def prepare(place: Place, *, exclusive: bool, concurrency: int) -> None:
    """Make the queue, at a standstill."""
    place.know("echo", "plain_echo")
    query = "select taskbell.configure(%s, exclusive => %s, concurrency => %s)"
    place.sql.execute(query, [QUEUE, exclusive, concurrency])
    place.sql.execute("select taskbell.pause(%s)", [QUEUE])


def in_turns(stage: Stage, place: Place, worker: Process, tasks: int, repeats: int) -> tuple[list[float], list[float]]:
    """Drain a place that has a past, by the worker that was there, and fresh ones, in turns; return each's tasks a second."""
    way = Way("fresh", exclusive=True, concurrency=50)
    aged = []
    for _ in range(repeats):
        run(stage, way, tasks)
        place.sql.execute("select taskbell.pause(%s)", [QUEUE])
        place.fill(QUEUE, tasks)
        aged.append(drain(place, started=[worker])[0])
    return aged, way.rates


def drain(
    place: Place, *, workers: int = 1, started: Sequence[Process] = (), first: int | None = None
) -> tuple[float, float]:
    """Let the filled queue go, to workers that are `started` for that, or were before; return tasks a second and their CPU microseconds a task, hearts left out.

    From the first run's start to the commit that ends the last one, as seen from outside. It is looked for by the id of the
    last task, which costs the same whatever else the tables hold. `first`: only that many, of those that are queued.
    """
    place.sql.execute("analyze taskbell.live")
    begin, last, tasks = place.queued(QUEUE, first)
    started = started or [place.worker() for _ in range(workers)]
    place.sql.execute("checkpoint")
    time.sleep(SETTLE)
    spent = cpu_seconds(*started)
    place.sql.execute("select taskbell.resume(%s)", [QUEUE])
    deadline = time.monotonic() + PATIENCE
    while not place.value("select exists (select from taskbell.finished where id = %s)", last):
        assert time.monotonic() < deadline, started[0].log()
        time.sleep(LOOK)
    # With several at once, or two workers, a few before it may still be under way.
    count = "select count(*) from taskbell.finished where status = 'succeeded' and id between %s and %s"
    while (done := place.value(count, begin, last)) < tasks:
        assert time.monotonic() < deadline, f"{done} of {tasks} succeeded\n{started[0].log()}"
    ended = time.time()
    spent = cpu_seconds(*started) - spent
    query = "select extract(epoch from min(started_at))::float8 from taskbell.finished where id between %s and %s"
    return tasks / (ended - place.value(query, begin, last)), spent / tasks * 1e6


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
        rows: list[Any] = []
        while rows := claim(connection, worker, BATCH, rows[:1]):
            complete(connection, rows)
            done += len(rows)
        took = time.perf_counter() - began
        connection.close()
        assert done == tasks
        return tasks / took


def claim(connection: Any, worker: str, batch: int, after: list[Any]) -> list[Any]:
    """Claim up to so many, by the worker's statement; as it does, from the first row of the last claim on."""
    mark = [after[0][place] for place in (PRIORITY, RUN_AT, ID)] if after else [None] * 3
    rows: list[Any] = connection.execute(CLAIM, [worker, QUEUE, array(["echo"]), batch, *mark]).fetchall()
    return rows


def complete(connection: Any, rows: list[Any]) -> None:
    """Complete claimed rows by the worker's statement, each with its payload as its result."""
    ids, tokens = (array(row[place] for row in rows) for place in (ID, TOKEN))
    ages, results = array([0.0] * len(rows)), f"[{','.join(row[PAYLOAD] for row in rows)}]"
    refused = connection.execute(COMPLETE, [ids, tokens, ages, results, ages, None]).fetchall()
    assert refused == []


def _figure(way: Way, **more: Any) -> Figure:
    note = f"{middle(way.spent):.0f} µs of its CPU a task"
    return Figure("Drain", way.name, "/s", way.rates, note=note, at_least=way.at_least, **more)
