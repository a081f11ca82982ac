"""What the worker's tests share."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from scripts.guard import Guard
from tests.servers import Database, PostgresServer, Process, Processes, ValkeyServer

SAMPLES = "tests.worker.sample_tasks"


class Queue:
    """The queue as a client sees it, on one connection."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.sql = connection

    def enqueue(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
        named = "".join(f", {key} => %s" for key in options)
        row = self.sql.execute(
            f"select taskbell.enqueue(%s, %s::jsonb{named})", [task, json.dumps(payload or {}), *options.values()]
        ).fetchone()
        assert row
        return str(row[0])

    def many(self, tasks: list[dict[str, Any]]) -> list[str]:
        rows = self.sql.execute(
            "select id from taskbell.enqueue_many(%s::jsonb) order by position", [json.dumps(tasks)]
        )
        return [str(row[0]) for row in rows]

    def get(self, task: str) -> dict[str, Any]:
        row = self.sql.execute("select taskbell.get(%s)", [task]).fetchone()
        assert row
        return row[0]

    def wait(self, task: str, seconds: float = 15) -> dict[str, Any]:
        row = self.sql.execute("select taskbell.wait(%s, make_interval(secs => %s))", [task, seconds]).fetchone()
        assert row
        return row[0]

    def until(self, query: str, *arguments: Any, seconds: float = 15) -> Any:
        """Ask until the first column is true; return it."""
        row = self.sql.execute(query, arguments).fetchone()
        deadline = psycopg_now(self.sql) + seconds
        while not (row and row[0]):
            assert psycopg_now(self.sql) < deadline, f"not within {seconds} s: {query}"
            self.sql.execute("select pg_sleep(0.01)")
            row = self.sql.execute(query, arguments).fetchone()
        return row[0]

    def until_running(self, task: str, seconds: float = 15) -> None:
        self.until("select started_at is not null from taskbell.tasks where id = %s", task, seconds=seconds)

    def until_begun(self, task: str) -> None:
        """Not just claimed: until then it goes back where its worker stops or its queue is paused."""
        self.until("select exists (select from taskbell.attempts where task_id = %s)", task)


def psycopg_now(connection: psycopg.Connection) -> float:
    row = connection.execute("select extract(epoch from clock_timestamp())").fetchone()
    assert row
    return float(row[0])


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database.connect())


@pytest.fixture(scope="module")
def module_database(postgres_server: PostgresServer) -> Iterator[Database]:
    clone = postgres_server.clone()
    yield clone
    clone.terminate()


@pytest.fixture(scope="module")
def module_worker(
    module_database: Database, valkey_server: ValkeyServer, tmp_path_factory: pytest.TempPathFactory, guard: Guard
) -> Iterator[Process]:
    """One worker with the sample tasks, for all tests of a module that need no other."""
    started = Processes(tmp_path_factory.mktemp("worker"), guard)
    yield started.worker(module_database, valkey_server.url, TASK_MODULES=SAMPLES, LOG_FORMAT="json")
    started.end()


@pytest.fixture
def served(module_database: Database, module_worker: Process) -> Iterator[Queue]:
    """The queue, served by the module's worker."""
    with psycopg.connect(module_database.url, autocommit=True) as connection:
        yield Queue(connection)


@pytest.fixture
def worker(database: Database, redis_url: str, processes: Processes) -> Callable[..., Process]:
    """Starts a worker that knows the sample tasks."""

    def start(**env: str) -> Process:
        return processes.worker(database, env.pop("REDIS_URL", redis_url), **({"TASK_MODULES": SAMPLES} | env))

    return start
