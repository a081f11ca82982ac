"""What the acceptance tests share: the queue as a client sees it, workers that know the sample tasks, servers of one's own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.guard import Guard
from tests.acceptance.own_servers import OwnPostgres, OwnValkey
from tests.acceptance.small_disk import SmallDisk
from tests.conftest import missing
from tests.servers import Database, Process, Processes
from tests.worker.conftest import SAMPLES, Queue

TASKS = f"{SAMPLES},tests.acceptance.tasks"
SMALL = 160  # MiB: room for a database, or for some files of 16 MiB of a server's log
Start = Callable[..., Process]


@pytest.fixture
def queue(database: Database) -> Queue:
    return Queue(database.connect())


@pytest.fixture
def worker(database: Database, redis_url: str, processes: Processes) -> Start:
    """Starts a worker that knows the sample tasks; returns once it is ready."""

    def start(**env: str) -> Process:
        redis = env.pop("REDIS_URL", redis_url)
        process = processes.worker(database, redis, **({"TASK_MODULES": TASKS, "ENVIRONMENT": "production"} | env))
        process.wait_until(lambda: "worker ready" in process.log())
        return process

    return start


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The file in which the tasks `record` and `ticks` write down when they ran."""
    return tmp_path / "record"


@pytest.fixture
def own_postgres(tmp_path: Path, guard: Guard) -> Iterator[OwnPostgres]:
    """A server of one's own, to be restarted; it keeps what it acknowledged."""
    server = OwnPostgres(tmp_path, guard)
    yield server
    server.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A file system that can be made full; ends after the servers on it if it is asked for before them."""
    try:
        disk = SmallDisk(tmp_path / "small", SMALL)
    except OSError as error:
        missing(f"a small file system ({error})")
    yield disk
    disk.close()


@pytest.fixture
def own_valkey(tmp_path: Path, guard: Guard) -> Iterator[OwnValkey]:
    """A Redis of one's own, to be restarted."""
    server = OwnValkey(tmp_path, guard)
    yield server
    server.stop()


@pytest.fixture
def slack(database: Database) -> Callable[[], float]:
    """Returns how many seconds more a busy machine may take: ten times what its slowest tenth of bare commits take."""
    connection: Any = database.connect("superuser")
    connection.execute("create table public.bare (n int)")

    def measure() -> float:
        return 10 * slowest_tenth(connection)

    return measure


def slowest_tenth(connection: Any) -> float:
    taken: list[float] = []
    query = "insert into public.bare values (1) returning extract(epoch from clock_timestamp())"
    first = float(connection.execute(query).fetchone()[0])
    for _ in range(50):
        last = float(connection.execute(query).fetchone()[0])
        taken.append(last - first)
        first = last
    return sorted(taken)[44]
