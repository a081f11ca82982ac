"""More workers and APIs, and what outlives the containers."""

import itertools
import json
import re
import time
from datetime import datetime

import httpx
import psycopg

from db.settings import ROOT
from tests.compose.stack import Stack
from tests.compose.trickle import Trickle

UPGRADE = (ROOT / "docs/how-to/upgrade.md").read_text()
_SHORT_WAY, _NGINX, LONG_WAY, _BACK, BACK_AGAIN = re.findall(r"```sh\n(.*?)```", UPGRADE, re.DOTALL)
FEW = 2  # tries that met an API as it ended; the short way refuses for seconds, several tries a second
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


def test_down_and_up_keep_every_task(pgadmin: Stack) -> None:
    with Trickle(pgadmin) as trickle:
        trickle.wait_for(10)
    pgadmin.make("down")
    assert pgadmin.compose("--profile", "pgadmin", "ps", "--all", "--quiet") == ""
    pgadmin.up()
    assert trickle.missing() == {}


def test_the_numbers_of_env_outlive_an_up(stack: Stack) -> None:
    more = {"WORKERS": "3", "APIS": "2"}
    for _ in range(2):
        stack.run("docker", "compose", "up", "-d", "--wait", **more)
        assert (len(stack.containers("worker")), len(stack.containers("api"))) == (3, 2)
    stack.run("docker", "compose", "up", "-d", "--wait", "--scale", "worker=2", **more)  # the command line wins
    assert (len(stack.containers("worker")), len(stack.containers("api"))) == (2, 2)
    stack.up()
    assert (len(stack.containers("worker")), len(stack.containers("api"))) == (1, 1)


def test_the_long_way_refuses_hardly_anything_with_two_apis(stack: Stack) -> None:
    two = {"APIS": "2"}
    stack.run("docker", "compose", "up", "-d", "--wait", **two)
    old = set(stack.containers("api"))
    way = LONG_WAY.replace("git pull\n", "").replace("api=2", "api=4")
    way = way.replace("docker compose build", "docker compose build --build-arg VERSION=long-way")
    with Trickle(stack) as trickle:
        trickle.wait_for(10)
        stack.run("sh", "-e", "-c", way, **two)
        trickle.wait_for(10)
    assert len(trickle.refusals) <= FEW, trickle.refusals
    assert trickle.missing() == {}
    new = set(stack.containers("api"))
    assert len(new) == 2
    assert not new & old
    stack.up()


def test_back_again_has_commands_that_leave_the_migrations_alone(stack: Stack) -> None:
    as_superuser = ["exec", "-T", "postgres", "psql", "-U", "postgres", "taskbell", "-c"]
    newer = "insert into taskbell.migration (name, sha256) select '{0}', sha256 from taskbell.migration limit 1"
    stack.compose(*as_superuser, newer.format("migrations/9999_newer.sql"))
    try:
        stack.compose("down", "--timeout", "30")
        assert "migrate" in stack.refusal("up", "-d", "--wait")
        assert "newer than this code" in stack.compose("logs", "migrate")
        stack.run("sh", "-e", "-c", BACK_AGAIN)
        for service in ("api", "worker", "admin", "nginx", "wsify"):
            stack.wait_healthy(service)
    finally:
        stack.compose(*as_superuser, "delete from taskbell.migration where name like '%9999%'")
    stack.up()
