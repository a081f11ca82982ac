"""`make bench`: throughput and idle latency on servers of its own, each beside a bare floor of the same run."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from scripts.guard import Guard
from tests.servers import FAST, Database, PostgresServer, Processes, ValkeyServer

TASKS = 20_000
ROUNDS = 200  # of each latency
PACE = 0.02  # seconds between two rounds: an idle system
DURABLE = {"shared_buffers": "512MB"}  # Postgres's defaults otherwise


def main() -> None:
    """Print one line a measurement."""
    FAST.clear()
    FAST.update(DURABLE)
    guard = Guard()
    with tempfile.TemporaryDirectory() as folder:
        server, redis = PostgresServer(Path(folder), None, guard), ValkeyServer(Path(folder), guard)
        processes = Processes(Path(folder), guard)
        try:
            database = server.clone()
            _enqueue(database)
            processes.worker(database, redis.url)
            _drain(database, "serial (exclusive, concurrency 1)", "default")
            _drain(database, "concurrency 50", "wide")
            _latency(database, processes.api(database, redis.url))
        finally:
            processes.end()
            server.stop()
            redis.stop()
            guard.close()


def _enqueue(database: Database) -> None:
    connection = database.connect()
    began = time.perf_counter()
    for _ in range(2000):
        connection.execute("select taskbell.enqueue('echo', queue => 'one_by_one')")
    _rate("enqueue, one by one", 2000, began)
    connection.execute("select taskbell.configure('wide', exclusive => false, concurrency => 50)")
    for queue in ("default", "wide"):
        began = time.perf_counter()
        connection.execute(
            "select count(*) from taskbell.enqueue_many((select jsonb_agg(jsonb_build_object('task', 'echo', 'queue',"
            " %s::text)) from generate_series(1, %s)))",
            [queue, TASKS // 2],
        )
        _rate("enqueue_many, 10,000 at once", TASKS // 2, began)
    for queue in ("default", "wide", "one_by_one"):
        connection.execute("select taskbell.pause(%s)", [queue])


def _drain(database: Database, name: str, queue: str) -> None:
    connection = database.connect("superuser")
    left = "select count(*) from taskbell.live where queue = %s"
    number = connection.execute(left, [queue]).fetchone()
    assert number
    connection.execute("select taskbell.resume(%s)", [queue])
    began = time.perf_counter()
    while connection.execute(left, [queue]).fetchone() != (0,):
        time.sleep(0.01)
    _rate(f"drain, {name}", number[0], began)


def _latency(database: Database, base: str) -> None:
    connection = database.connect("superuser")
    connection.execute("create table public.floor (n int)")

    def three_commits() -> None:
        for _ in range(3):
            connection.execute("insert into public.floor values (1)")

    client = httpx.Client(base_url=base, trust_env=False, timeout=30)

    def post_and_wait() -> None:
        answer = client.post("/api/tasks", json={"task": "echo"}, headers={"Prefer": "wait=10"})
        assert answer.json()["status"] == "succeeded", answer.text

    post_and_wait()  # the worker takes the queue
    floor = _timed("three bare commits", three_commits)
    ours = _timed("POST /api/tasks until its result is there", post_and_wait)
    print(f"{'':<44} {ours / floor:.1f} times the floor")
    client.close()


def _timed(name: str, act: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        time.sleep(PACE)
        began = time.perf_counter()
        act()
        times.append((time.perf_counter() - began) * 1000)
    median, late = statistics.median(times), statistics.quantiles(times, n=100)[98]
    print(f"{name:<44} p50 {median:6.2f} ms   p99 {late:6.2f} ms", flush=True)
    return median


def _rate(name: str, number: int, began: float) -> None:
    print(f"{name:<44} {number / (time.perf_counter() - began):>10,.0f} a second", flush=True)


if __name__ == "__main__":
    main()
