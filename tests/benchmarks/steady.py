"""What an hour of steady load leaves behind: memory, bloat, a backlog? Looked at each minute, with drains at the end."""

import threading
import time
from dataclasses import dataclass

from tests.benchmarks.drain import QUEUE, in_turns, prepare
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import Place, Stage, memory
from tests.servers import Process

RATE = 1_000  # tasks a second
CALL = 20  # tasks in one enqueue_many
EVERY = 60.0  # seconds between looks
SETTLED = 5  # looks after which what is reached should stay
LOOK = """
select pg_table_size('taskbell.live') / 2^20, pg_indexes_size('taskbell.live') / 2^20,
  (select n_dead_tup from pg_stat_user_tables where relid = 'taskbell.live'::regclass)::float8,
  (select count(*) from taskbell.live)::float8
"""
ENQUEUE = (
    'select count(*) from taskbell.enqueue_many((select jsonb_agg(\'{"task":"echo","queue":"bench"}\'::jsonb)'
    f" from generate_series(1, {CALL})))"
)


@dataclass
class Look:
    """One minute's look. Sizes in MB."""

    worker: float
    server: float
    table: float
    indexes: float
    dead: float
    queued: float


def measure(stage: Stage, seconds: float, tasks: int, repeats: int) -> list[Figure]:
    """Return what each minute from the sixth on showed, beside the sixth; and drains afterwards beside fresh ones."""
    with stage.place() as place:
        prepare(place, exclusive=True, concurrency=50)
        place.sql.execute("select taskbell.resume(%s)", [QUEUE])
        worker = place.worker()
        looks = _watch(place, worker, stage.postgres.pid, seconds)
        after, fresh = in_turns(stage, place, worker, tasks, repeats)
    settled = min(SETTLED, len(looks) // 2)
    name = f"{seconds / 60:.0f} minutes at {RATE:,} tasks/s"

    def figure(what: str, unit: str, key: str) -> Figure:
        found = [getattr(look, key) for look in looks]
        floor_name = f"after {settled + 1} looks"
        last = f"{found[-1]:,.0f} at the end"
        return Figure(
            "An hour",
            f"{name}: {what}",
            unit,
            found[settled:],
            floor=[found[settled]],
            floor_name=floor_name,
            note=last,
        )

    return [
        figure("the worker's memory, with its heart", "MB", "worker"),
        figure("Postgres's memory (PSS)", "MB", "server"),
        figure("table of live tasks", "MB", "table"),
        figure("its indexes", "MB", "indexes"),
        Figure("An hour", f"{name}: dead rows in it", "rows", [look.dead for look in looks]),
        Figure("An hour", f"{name}: tasks not finished", "rows", [look.queued for look in looks]),
        Figure("An hour", f"drain after {name}", "/s", after, floor=fresh, floor_name="fresh", ratio_at_least=0.85),
    ]


def feed(place: Place, seconds: float) -> None:
    """Enqueue a thousand tasks a second, in calls of 20."""
    due = time.monotonic()
    until = due + seconds
    while due < until:
        time.sleep(max(0.0, due - time.monotonic()))
        due += CALL / RATE
        place.app.execute(ENQUEUE)


def _watch(place: Place, worker: Process, server: int, seconds: float) -> list[Look]:
    """Feed for so long; look at the start of each minute and at the end."""
    feeding = threading.Thread(target=feed, args=(place, seconds))
    feeding.start()
    looks = []
    while feeding.is_alive():
        feeding.join(min(EVERY, seconds / 4))
        found = place.sql.execute(LOOK).fetchone()
        assert found
        looks.append(Look(memory(worker.pid)[0], memory(server)[1], *found))
    return looks
