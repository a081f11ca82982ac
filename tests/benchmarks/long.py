"""`make bench-long`: what a million rows, a held transaction and an hour of load do to throughput and memory."""

import threading
import time
from collections.abc import Callable

import psycopg

from tests.benchmarks.drain import QUEUE, drains, prepare
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import SETTLE, Place, Stage, memory

MILLION = 1_000_000
KEEPS = 0.85  # of the drain of a fresh database
STEADY_RATE = 1_000  # tasks a second
LOOK = 0.1  # seconds between counts, which cost the database
SIZES = "select pg_table_size('taskbell.live') / 2^20, pg_indexes_size('taskbell.live') / 2^20"
FINISHED = """
insert into taskbell.finished (
  id, status, queue, task, priority, run_at, attempt, max_attempts, timeout, payload, seq, runs, created_at, enqueued_by,
  finished_at, expires_at, result
)
select taskbell.uuid7(), 'succeeded', 'past', 'echo', 0, t.at, 1, 3, '1 hour', jsonb_build_object('n', n), 3, 0, t.at, 'bench', t.at,
  t.at + interval '7 days', jsonb_build_object('n', n)
from generate_series(1, %s) as n, lateral (select now() - n * interval '0.3 s' as at) as t
"""


def measure(stage: Stage, tasks: int, repeats: int, held_seconds: float) -> list[Figure]:
    """Return drains under each burden beside those of a fresh database."""
    fresh = [rate for rate, _ in drains(stage, tasks, repeats, exclusive=True, concurrency=50)]
    burdens: dict[str, Callable[[Stage, int], float]] = {
        "a million finished": _million_finished,
        "a million queued": _million_queued,
        f"a transaction held open for {held_seconds:.0f} s at 1,000 tasks/s": (
            lambda stage, tasks: _held(stage, tasks, held_seconds)
        ),
    }
    figures = []
    for name, burden in burdens.items():
        rates = [
            burden(stage, tasks) for _ in range(repeats if name == "a million finished" else 1)
        ]  # the others take long
        figures.append(
            Figure("Burdens", f"drain with {name}", "/s", rates, floor=fresh, floor_name="fresh", ratio_at_least=KEEPS)
        )
    return figures


def steady(stage: Stage, seconds: float) -> list[Figure]:
    """Return what steady load leaves behind: memory, bloat."""
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute("select taskbell.resume(%s)", [QUEUE])
        worker = place.worker()
        _feed(place, min(seconds, 30.0))
        before = memory(worker)[0]
        sizes = place.sql.execute(SIZES).fetchone()
        feeding = threading.Thread(target=_feed, args=(place, seconds))
        feeding.start()
        feeding.join()
        after = memory(worker)[0]
        grown = place.sql.execute(SIZES).fetchone()
        assert sizes
        assert grown
        name = f"after {seconds / 60:.0f} minutes at {STEADY_RATE:,} tasks/s"
        return [
            Figure("Burdens", f"{name}: the worker's memory", "MB", [after], floor=[before], floor_name="at the start"),
            Figure(
                "Burdens", f"{name}: table of live tasks", "MB", [grown[0]], floor=[sizes[0]], floor_name="at the start"
            ),
            Figure("Burdens", f"{name}: its indexes", "MB", [grown[1]], floor=[sizes[1]], floor_name="at the start"),
        ]


def _million_finished(stage: Stage, tasks: int) -> float:
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute(FINISHED, [MILLION])
        place.sql.execute("vacuum analyze taskbell.finished")
        # drain() counts every finished row; these are not its own.
        return _rate(place, tasks)


def _million_queued(stage: Stage, tasks: int) -> float:
    """The queue holds a million; the rate is that of its first `tasks`."""
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.fill(QUEUE, MILLION)
        place.sql.execute("vacuum analyze taskbell.live")
        return _rate(place, tasks, filled=True)


def _held(stage: Stage, tasks: int, seconds: float) -> float:
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute("select taskbell.resume(%s)", [QUEUE])
        worker = place.worker()
        with psycopg.connect(place.database.superuser_url) as holder:
            holder.execute("select count(*) from taskbell.live")
            holder.execute("select txid_current()")
            _feed(place, seconds)
            worker.stop()
            place.sql.execute("select taskbell.pause(%s)", [QUEUE])
            return _rate(place, tasks)


def _rate(place: Place, tasks: int, *, filled: bool = False) -> float:
    """Return the tasks a second from the first run's start until so many more have finished."""
    if not filled:
        place.fill(QUEUE, tasks)
    place.worker()
    time.sleep(SETTLE)
    place.sql.execute("checkpoint")
    place.sql.execute("select taskbell.resume(%s)", [QUEUE])
    began = time.time()
    query = "select count(*) from taskbell.finished where finished_at > to_timestamp(%s)"
    while place.value(query, began) < tasks:
        time.sleep(LOOK)
    query = (
        "select count(*) / extract(epoch from max(finished_at) - min(started_at))::float8"
        " from taskbell.finished where finished_at > to_timestamp(%s)"
    )
    return float(place.value(query, began))


def _feed(place: Place, seconds: float) -> None:
    """Enqueue a thousand tasks a second, in calls of 20."""
    until = due = time.monotonic()
    until += seconds
    query = 'select count(*) from taskbell.enqueue_many((select jsonb_agg(\'{"task":"echo","queue":"bench"}\'::jsonb) from generate_series(1, 20)))'
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        due += 20 / STEADY_RATE
        place.app.execute(query)
