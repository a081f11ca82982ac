"""More workers and APIs, and what outlives the containers."""

import itertools
import json
import time
from datetime import datetime

import httpx
import psycopg

from tests.compose.stack import Stack
from tests.compose.trickle import Trickle

LENGTH = 0.4  # seconds that a task of the exclusive queue takes


def test_three_workers_run_an_exclusive_queue_one_by_one(stack: Stack) -> None:
    stack.up("--scale", "worker=3", "--scale", "api=2", "--no-recreate")
    assert len(stack.containers("worker")) == 3
    with stack.operator() as client:
        bodies = [{"task": "sleep", "payload": {"seconds": LENGTH}, "queue": "narrow"} for _ in range(20)]
        ids = [task["id"] for task in client.post("/api/tasks/batch", json=bodies).raise_for_status().json()["tasks"]]
        tasks = [client.get(f"/api/tasks/{id_}", headers={"Prefer": "wait=30"}, timeout=40).json() for id_ in ids]
    assert {task["status"] for task in tasks} == {"succeeded"}
    starts = sorted(datetime.fromisoformat(task["started_at"]) for task in tasks)
    gaps = [(later - sooner).total_seconds() for sooner, later in itertools.pairwise(starts)]
    assert min(gaps) > LENGTH / 2, gaps  # half, since a start is reckoned back from when the result was stored
    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("select count(*) from taskbell.workers where alive").fetchone() == (3,)


def test_nginx_finds_each_api(stack: Stack) -> None:
    stack.up("--scale", "api=2", "--no-recreate")
    served: set[str] = set()
    deadline = time.monotonic() + 20
    while len(served) < 2:
        assert time.monotonic() < deadline, f"all goes to {served}"
        httpx.get(f"{stack.url}/api/healthz", trust_env=False).raise_for_status()
        lines = stack.compose("logs", "--no-log-prefix", "--tail", "20", "nginx").splitlines()
        entries = [json.loads(line) for line in lines if line.startswith('{"time"')]
        served |= {entry["upstream"] for entry in entries if entry["path"] == "/api/healthz"}


def test_an_upgrade_under_way_loses_nothing(stack: Stack) -> None:
    old = stack.describe("worker")["Image"]
    with Trickle(stack) as trickle:
        trickle.wait_for(10)
        stack.compose("build", "--build-arg", "VERSION=next")
        stack.up()
        trickle.wait_for(10)
    assert stack.describe("worker")["Image"] != old
    assert trickle.missing() == {}


def test_down_and_up_keep_every_task(stack: Stack) -> None:
    with Trickle(stack) as trickle:
        trickle.wait_for(10)
    stack.compose("down", "--timeout", "30")
    stack.up()
    assert trickle.missing() == {}
