"""`make bench-long`: what a million rows and a held transaction do to a drain. For the hour of load see `steady.py`."""

import psycopg

from tests.benchmarks.drain import QUEUE, Way, drain, in_turns, prepare, run
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import Stage
from tests.benchmarks.steady import feed

MILLION = 1_000_000
KEEPS = 0.85  # of the drain of a fresh database
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
    """Return drains under each burden beside those of a fresh database, in turns, all counted alike."""
    fresh: list[float] = []
    finished: list[float] = []
    queued: list[float] = []
    for _ in range(repeats):
        fresh.append(_fresh(stage, tasks))
        finished.append(_million_finished(stage, tasks))
        queued.append(_million_queued(stage, tasks))
    held, beside = _held(stage, tasks, repeats, held_seconds)
    burdens = {
        "a million finished": (finished, fresh),
        f"a million queued, the first {tasks:,}": (queued, fresh),
        f"a transaction held open for {held_seconds:.0f} s at 1,000 tasks/s": (held, beside),
    }
    return [
        Figure("Burdens", f"drain with {name}", "/s", rates, floor=floor, floor_name="fresh", ratio_at_least=KEEPS)
        for name, (rates, floor) in burdens.items()
    ]


def _fresh(stage: Stage, tasks: int) -> float:
    way = Way("fresh", exclusive=True, concurrency=50)
    run(stage, way, tasks)
    return way.rates[0]


def _million_finished(stage: Stage, tasks: int) -> float:
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute(FINISHED, [MILLION])
        place.sql.execute("vacuum analyze taskbell.finished")
        place.fill(QUEUE, tasks)
        return drain(place)[0]


def _million_queued(stage: Stage, tasks: int) -> float:
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.fill(QUEUE, MILLION)
        return drain(place, first=tasks)[0]


def _held(stage: Stage, tasks: int, repeats: int, seconds: float) -> tuple[list[float], list[float]]:
    """The old transaction stays open during the drains as well: all that was ever queued since is still in the indexes."""
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute("select taskbell.resume(%s)", [QUEUE])
        worker = place.worker()
        with psycopg.connect(place.database.superuser_url) as holder:
            holder.execute("select count(*) from taskbell.live")
            holder.execute("select txid_current()")
            feed(place, seconds)
            return in_turns(stage, place, worker, tasks, repeats)
