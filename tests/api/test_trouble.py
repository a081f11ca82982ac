"""The database away, or the process asked to stop: said in one line, answered soundly, over by itself."""

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from psycopg import sql
from websockets.sync.client import connect

from api.errors import of_exception
from api.watch import Stopping, TooManyWatches
from db.errors import Busy, Unavailable
from tests.api.conftest import API_KEYS, KEYS, register
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database, Processes

OPS = {"Authorization": f"Bearer {KEYS['ops'][1]}"}


@pytest.fixture
def known(database: Database) -> Database:
    """A database of one's own that knows tasks."""
    register(database)
    return database


def test_it_starts_without_a_database(database: Database, processes: Processes) -> None:
    url = "postgresql://taskbell_app:x@127.0.0.1:9/nowhere"
    base = processes.api(database, DATABASE_URL=url, API_KEYS=API_KEYS)
    with httpx.Client(base_url=base, trust_env=False, verify=False, timeout=15) as client:
        assert client.get("/api/healthz").status_code == 200
        assert client.get("/").status_code == 200
        assert client.get("/api/openapi.json").status_code == 200
        ready = client.get("/api/readyz")
        assert (ready.status_code, ready.json()["status"], ready.json()["parts"]["database"]) == (503, "down", "down")
        for answer in (client.post("/api/tasks", json={"task": "echo"}), client.get("/api/tasks", headers=OPS)):
            assert answer.status_code == 503
            assert answer.headers["content-type"] == "application/problem+json"
            assert int(answer.headers["retry-after"]) >= 1
        assert "taskbell_database_up 0.0" in client.get("/metrics").text
        assert client.get("/api/tasks").status_code == 401  # who may not, may not
    assert processes.started[-1].log().count("the database does not answer") == 1


def test_it_comes_back_by_itself(known: Database, processes: Processes) -> None:
    base = processes.api(known, API_KEYS=API_KEYS)
    with httpx.Client(base_url=base, trust_env=False, verify=False, timeout=15, headers=OPS) as client:
        assert client.post("/api/tasks", json={"task": "echo"}).status_code == 202
        with away(known):
            for _ in range(3):
                refused = client.post("/api/tasks", json={"task": "echo"})
                assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (503, True)
            assert client.get("/api/readyz").status_code == 503
        until(lambda: client.post("/api/tasks", json={"task": "echo"}).status_code == 202)
        until(lambda: client.get("/api/readyz").json()["parts"]["listen"] == "ok")
    log = processes.started[-1].log()
    assert log.count("the database does not answer") == 1
    assert "Traceback" not in log


def test_a_read_only_database_is_503(known: Database, processes: Processes) -> None:
    base = processes.api(known, API_KEYS=API_KEYS)
    with httpx.Client(base_url=base, trust_env=False, verify=False, timeout=15, headers=OPS) as client:
        assert client.post("/api/tasks", json={"task": "echo"}).status_code == 202
        on_server(known, "alter database {} set default_transaction_read_only = on")
        end_backends(known)
        until(lambda: client.post("/api/tasks", json={"task": "echo"}).status_code == 503)
        refused = client.post("/api/tasks", json={"task": "echo"}).json()
        assert (refused["code"], "read-only" in refused["detail"]) == ("25006", True)
        on_server(known, "alter database {} reset default_transaction_read_only")
        until(lambda: client.post("/api/tasks", json={"task": "echo"}).status_code == 202)
    assert "Traceback" not in processes.started[-1].log()


def test_a_caller_who_meets_anothers_lock_hides_no_trouble_that_follows(known: Database, processes: Processes) -> None:
    port = known.server.port
    with FreezeProxy(port) as proxy:
        base = processes.api(known, API_KEYS=API_KEYS, DATABASE_URL=known.url.replace(f":{port}/", f":{proxy.port}/"))
        process = processes.started[-1]
        with (
            httpx.Client(base_url=base, trust_env=False, verify=False, timeout=15, headers=OPS) as client,
            psycopg.connect(known.url) as somebody,
        ):
            somebody.execute(
                "select taskbell.enqueue('echo', idempotency_key => 'key:ops:one') from taskbell.act_as('key:ops')"
            )
            busy = client.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": "one"})
            assert (busy.status_code, busy.json()["code"], busy.headers["retry-after"]) == (503, "55P03", "1"), (
                busy.text
            )
            assert "open transaction" in busy.json()["detail"]
        assert "the database" not in process.log(), "one caller's wait is no trouble of the database"
        proxy.freeze()
        process.wait_until(lambda: "the database does not answer" in process.log())
        proxy.thaw()
        process.wait_until(lambda: "the database is back" in process.log())


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unavailable(), "does not answer"),
        (Busy("canceling statement due to lock timeout", code="55P03"), "open transaction"),
        (Busy("canceling statement due to statement timeout", code="57014"), "took too long"),
        (Busy("deadlock detected", code="40P01"), "met another transaction"),
        (Unavailable("could not extend file", code="53100"), "no room left"),
        (Unavailable("out of memory", code="53200"), "used up"),
        (Unavailable("no such table", code="42P01"), "schema is missing"),
        (TooManyWatches(), "watches as many tasks as it can"),
        (Stopping(), "is shutting down"),
    ],
)
def test_a_503_says_what_is_true(error: Unavailable, said: str) -> None:
    problem = of_exception(error)
    assert (problem.status, problem.headers) == (503, {"Retry-After": "1"})
    assert said in problem.detail


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_what_waits(known: Database, processes: Processes, number: signal.Signals) -> None:
    base = processes.api(known, API_KEYS=API_KEYS)
    answers: list[httpx.Response] = []
    with httpx.Client(base_url=base, trust_env=False, verify=False, timeout=60, headers=OPS) as client:
        task = client.post("/api/tasks", json={"task": "echo"}).json()

        def wait() -> None:
            answers.append(client.get(f"/api/tasks/{task['id']}", headers={"Prefer": "wait=60"}))

        waiting = threading.Thread(target=wait)
        waiting.start()
        with (
            connect(f"{base.replace('http', 'ws')}/ws") as websocket,
            client.stream("GET", f"/api/tasks/{task['id']}/events") as stream,
        ):
            websocket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": task["token"]}}))
            assert json.loads(websocket.recv(timeout=5))["status"] == "queued"
            lines = stream.iter_lines()
            assert any("queued" in line for line in lines)
            process = processes.started[-1]
            began = time.monotonic()
            process.popen.send_signal(number)
            process.popen.wait(10)
            assert time.monotonic() - began < 5
            assert not any("data" in line for line in lines)  # and it ended
        waiting.join(10)
    assert answers[0].status_code == 200
    assert answers[0].json()["status"] == "queued"
    assert "Traceback" not in process.log()


@contextmanager
def away(database: Database) -> Iterator[None]:
    """The database takes no connections, and has thrown out those that were."""
    on_server(database, "alter database {} allow_connections false")
    end_backends(database)
    try:
        yield
    finally:
        on_server(database, "alter database {} allow_connections true")


def on_server(database: Database, statement: str) -> None:
    with psycopg.connect(database.server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(database.name)))  # type: ignore[arg-type]  # SQL made here


def end_backends(database: Database) -> None:
    with psycopg.connect(database.server.url("postgres"), autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database.name])


def until(true: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
