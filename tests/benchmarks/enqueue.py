"""How fast tasks get in by SQL: one by one, many clients with and without NOTIFY, many in one call."""

import json
import time
from typing import LiteralString

from tests.benchmarks import bare
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import SETTLE, Stage

GROUP = "Enqueue by SQL"
CLIENTS = 32
MANY = 10_000
CALLS = 10  # of so many
ENQUEUE = """select taskbell.enqueue('echo', '{"n": 1}', 'bench');\n"""
ENQUEUE_MANY = "select id from taskbell.enqueue_many(%s::text::jsonb)"


def measure(stage: Stage, seconds: float, repeats: int) -> list[Figure]:
    """Return enqueue rates, each beside bare inserts of a similar row by as many clients; what forms a ratio takes turns."""
    alone: dict[int, tuple[list[float], list[float]]] = {1: ([], []), CLIENTS: ([], [])}
    rung: list[float] = []
    still: list[float] = []
    kept_up: list[float] = []  # by the worker that was rung for
    many: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for clients, (ours, floor) in alone.items():
            with stage.place() as place:
                place.sql.execute(bare.TABLES)
                place.know("echo")
                floor.append(place.pgbench(bare.INSERT, clients=clients, seconds=seconds))
                ours.append(place.pgbench(ENQUEUE, clients=clients, seconds=seconds))
        for rates, notify in ((rung, True), (still, False)):
            rate, share = _with_a_worker(stage, seconds, notify=notify)
            rates.append(rate)
            kept_up += [share] if notify else []
        for rates, rate in zip(many, _many(stage), strict=True):
            rates.append(rate)
    return [
        *(
            Figure(
                GROUP, "one by one, 1 client" if clients == 1 else f"{clients} clients, no worker", "/s", ours,
                floor=floor, floor_name="bare inserts",
            )
            for clients, (ours, floor) in alone.items()
        ),
        Figure(
            GROUP, f"{CLIENTS} clients, a worker running them", "/s", rung, floor=still, floor_name="without any NOTIFY",
            ratio_at_least=0.7, note=f"{min(kept_up):.0%} or more of them finished by then",
        ),
        Figure(
            GROUP, f"enqueue_many, {MANY:,} a call", "/s", many[0], floor=many[1], floor_name="bare insert … select",
            at_least=80_000,
        ),
    ]  # fmt: skip


def _with_a_worker(stage: Stage, seconds: float, *, notify: bool) -> tuple[float, float]:
    """Return the tasks a second enqueued into a queue as it comes, and the share of them that its worker has finished."""
    with stage.place() as place:
        if not notify:
            place.sql.execute("alter table taskbell.live disable trigger wake")
            place.sql.execute("alter table taskbell.finished disable trigger ring")
        place.worker()
        time.sleep(SETTLE)
        rate = place.pgbench(ENQUEUE, clients=CLIENTS, seconds=seconds)
        share = "select (select count(*) from taskbell.finished)::float8 / (select count(*) from taskbell.tasks)"
        return rate, place.value(share)


def _many(stage: Stage) -> tuple[float, float]:
    """Return the tasks a second of `enqueue_many`, and the rows of bare inserts of as many, call by call in turns."""
    document = json.dumps([{"task": "echo", "queue": "bench", "payload": {"n": n}} for n in range(MANY)])
    spent = {"ours": 0.0, "bare": 0.0}
    with stage.place() as place:
        place.sql.execute(bare.TABLES)
        place.know("echo")
        calls: dict[str, tuple[LiteralString, object]] = {
            "ours": (ENQUEUE_MANY, document), "bare": (bare.INSERT_MANY, MANY)
        }  # fmt: skip
        for turn in range(CALLS + 1):
            for name, (query, argument) in calls.items():
                began = time.perf_counter()
                made = len(place.app.execute(query, [argument]).fetchall())
                assert made == MANY
                if turn:  # the first one warms
                    spent[name] += time.perf_counter() - began
    return CALLS * MANY / spent["ours"], CALLS * MANY / spent["bare"]
