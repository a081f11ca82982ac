"""More workers and APIs, and what outlives the containers."""

import itertools
from datetime import datetime

import psycopg

from tests.compose.stack import Stack
from tests.compose.trickle import Trickle


def test_three_workers_run_an_exclusive_queue_one_by_one(stack: Stack) -> None:
    stack.up("--scale", "worker=3", "--scale", "api=2", "--no-recreate")
    assert len(stack.containers("worker")) == 3
    with stack.operator() as client:
        bodies = [{"task": "sleep", "payload": {"seconds": 0.2}, "queue": "narrow"} for _ in range(20)]
        ids = [task["id"] for task in client.post("/api/tasks/batch", json=bodies).raise_for_status().json()["tasks"]]
        tasks = [client.get(f"/api/tasks/{id_}", headers={"Prefer": "wait=30"}, timeout=40).json() for id_ in ids]
    assert {task["status"] for task in tasks} == {"succeeded"}
    spans = sorted((moment(task["started_at"]), moment(task["finished_at"])) for task in tasks)
    overlaps = [(one, two) for one, two in itertools.pairwise(spans) if two[0] < one[1]]
    assert overlaps == []
    with psycopg.connect(stack.database_url) as connection:
        assert connection.execute("select count(*) from taskbell.workers where alive").fetchone() == (3,)


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


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
