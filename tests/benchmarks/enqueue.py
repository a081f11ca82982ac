"""How fast tasks get in by SQL: one by one, many clients with and without NOTIFY, many in one call."""

import json
import time

from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import SETTLE, Stage

CLIENTS = 32
MANY = 10_000
ENQUEUE = """select taskbell.enqueue('echo', '{"n": 1}', 'bench');\n"""
INSERT = """insert into public.bare (payload) values ('{"n": 1}');\n"""
BARE = (
    "create table public.bare (id uuid default uuidv7() primary key, status text default 'queued', queue text default"
    " 'bench', payload jsonb, at timestamptz default now()); grant insert on public.bare to public"
)


def measure(stage: Stage, seconds: float, repeats: int) -> list[Figure]:
    """Return enqueue rates, each beside bare inserts of a similar row by as many clients."""
    figures = []
    for clients in (1, CLIENTS):
        ours, bare = [], []
        for _ in range(repeats):
            with stage.place() as place:
                place.sql.execute(BARE)
                place.know("echo")
                bare.append(place.pgbench(INSERT, clients=clients, seconds=seconds))
                ours.append(place.pgbench(ENQUEUE, clients=clients, seconds=seconds))
        name = "one by one, 1 client" if clients == 1 else f"{clients} clients, no worker"
        figures.append(Figure("Enqueue by SQL", name, "/s", ours, floor=bare, floor_name="bare inserts"))
    rung = [_with_a_worker(stage, seconds, notify=True) for _ in range(repeats)]
    still = [_with_a_worker(stage, seconds, notify=False) for _ in range(repeats)]
    figures.append(
        Figure(
            "Enqueue by SQL",
            f"{CLIENTS} clients, a worker running them",
            "/s",
            rung,
            floor=still,
            floor_name="without any NOTIFY",
            ratio_at_least=0.7,
        )
    )
    return [*figures, _many(stage, repeats)]


def _with_a_worker(stage: Stage, seconds: float, *, notify: bool) -> float:
    with stage.place() as place:
        place.sql.execute("select taskbell.configure('bench', exclusive => false, concurrency => 50)")
        if not notify:
            place.sql.execute("alter table taskbell.live disable trigger wake")
            place.sql.execute("alter table taskbell.finished disable trigger ring")
        place.worker()
        time.sleep(SETTLE)
        return place.pgbench(ENQUEUE, clients=CLIENTS, seconds=seconds)


def _many(stage: Stage, repeats: int) -> Figure:
    document = json.dumps([{"task": "echo", "queue": "bench", "payload": {"n": n}} for n in range(MANY)])
    ours, bare = [], []
    for _ in range(repeats):
        with stage.place() as place:
            place.sql.execute(BARE)
            place.know("echo")
            place.fill("warm", 100)
            began = time.perf_counter()
            for _ in range(3):
                place.app.execute("select count(*) from taskbell.enqueue_many(%s::text::jsonb)", [document])
            ours.append(3 * MANY / (time.perf_counter() - began))
            began = time.perf_counter()
            for _ in range(3):
                place.app.execute(
                    "insert into public.bare (payload) select jsonb_build_object('n', n) from generate_series(1, %s) n",
                    [MANY],
                )
            bare.append(3 * MANY / (time.perf_counter() - began))
    return Figure(
        "Enqueue by SQL", "enqueue_many, 10,000 a call", "/s", ours, floor=bare, floor_name="bare insert … select",
        at_least=80_000,
    )  # fmt: skip
