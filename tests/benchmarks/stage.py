"""Where everything is measured: a Postgres with default durability, a Valkey, and real processes of ours."""

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

from db import embedded
from scripts.guard import Guard
from tests.servers import Database, PostgresServer, Process, Processes, ValkeyServer

# Postgres's defaults otherwise: what makes the tests' servers fast has to be taken back by name.
OPTIONS = {
    "shared_buffers": "512MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "autovacuum_naptime": "1min",
}
KEY = "a-key-of-the-benchmarks"
API_KEYS = f"bench:producer:{hashlib.sha256(KEY.encode()).hexdigest()}"
ENV = {"ENVIRONMENT": "production"}  # in development a change of the code starts the processes again
MODULE = "tests.benchmarks.tasks"
CHUNK = 10_000  # tasks in one enqueue_many
SETTLE = 0.5  # seconds
ENQUEUE_MANY = (
    "select count(*) from taskbell.enqueue_many((select jsonb_agg(jsonb_build_object("
    "'task', %s::text, 'queue', %s::text, 'payload', jsonb_build_object('n', n))) from generate_series(1, %s) as n))"
)


class Stage:
    """The servers of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = Guard()
        self.postgres = PostgresServer(folder, None, self._guard, OPTIONS)
        self.redis = ValkeyServer(folder, self._guard)
        with psycopg.connect(self.postgres.url("postgres")) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                setting = connection.execute("select current_setting(%s)", [name]).fetchone()
                assert setting == ("on",), f"{name} is {setting}: these would be figures of a server that loses data"

    def close(self) -> None:
        """Stop the servers."""
        self.postgres.stop()
        self.redis.stop()
        self._guard.close()

    @contextlib.contextmanager
    def place(self) -> Iterator["Place"]:
        """Give a fresh database, after a checkpoint, and what runs on it; all ended afterwards."""
        database = self.postgres.clone()
        processes = Processes(self._folder, self._guard)
        place = Place(database, processes, self.redis.url)
        try:
            place.sql.execute("checkpoint")
            yield place
        except BaseException:
            for process in processes.started:
                print(f"--- log of {process.name}\n{process.log()[-5000:]}", file=sys.stderr)
            raise
        finally:
            processes.end()
            database.terminate()


class Place:
    """One database, and the processes that work on it."""

    def __init__(self, database: Database, processes: Processes, redis_url: str) -> None:
        self.database = database
        self.sql = database.connect("superuser")
        self.app = database.connect()
        self.app.prepare_threshold = 0
        self._processes = processes
        self._redis_url = redis_url

    def worker(self, **env: str) -> Process:
        """Start a worker, with the tasks of these benchmarks beside its own."""
        return self._processes.worker(self.database, self._redis_url, **(ENV | {"TASK_MODULES": MODULE} | env))

    def api(self) -> tuple[str, Process]:
        """Start an API; return its base URL and its process."""
        base = self._processes.api(self.database, self._redis_url, **(ENV | {"API_KEYS": API_KEYS}))
        return base, self._processes.started[-1]

    def admin(self) -> Process:
        """Start the admin."""
        self._processes.admin(self.database, self._redis_url, **ENV)
        return self._processes.started[-1]

    def know(self, *names: str) -> str:
        """Make task names known without a worker process; return the id of the worker that would run them."""
        types = "[" + ",".join(f'{{"name": "{name}", "schema": {{}}}}' for name in names) + "]"
        made = self.sql.execute("select gen_random_uuid()").fetchone()
        assert made
        self.sql.execute("select taskbell.register(%s, 'bench', 1, '0', null, %s::jsonb)", [made[0], types])
        return str(made[0])

    def fill(self, queue: str, count: int, task: str = "echo") -> float:
        """Enqueue so many tasks, in calls of 10,000; return the seconds it took."""
        began = time.perf_counter()
        for done in range(0, count, CHUNK):
            self.app.execute(ENQUEUE_MANY, [task, queue, min(CHUNK, count - done)])
        return time.perf_counter() - began

    def queued(self, queue: str, most: int | None = None) -> tuple[str, str, int]:
        """Return the ids of the first and the last task of a queue, or of its first so many, and how many they are."""
        some = "select id from taskbell.live where queue = %s order by id limit %s"
        query = f"select min(id::text), max(id::text), count(*) from ({some}) as those"  # of one length, in the order of ids
        found = self.sql.execute(query, [queue, most]).fetchone()
        assert found
        return found[0], found[1], found[2]

    def pgbench(self, script: str, *, clients: int, seconds: float, login: str = "app") -> float:
        """Return the transactions a second of an SQL script run by so many clients, prepared."""
        url = conninfo_to_dict(self.database.url if login == "app" else self.database.superuser_url)
        env = {f"PG{name.upper()}": str(url[key]) for name, key in PG_VARIABLES.items()}
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            command = [str(embedded.postgres_binaries() / "pgbench"), "--no-vacuum", "--protocol=prepared"]
            command += [f"--client={clients}", f"--jobs={min(clients, 2)}", f"--time={max(2, round(seconds))}"]
            done = subprocess.run(
                [*command, f"--file={file.name}"], env=os.environ | env, capture_output=True, text=True, check=False
            )
        found = re.search(r"tps = ([\d.]+)", done.stdout)
        assert found, done.stdout + done.stderr
        return float(found[1])

    def value(self, query: str, *arguments: Any) -> Any:
        """Return the one value of a query, asked as superuser."""
        row = self.sql.execute(query, arguments).fetchone()
        return row[0] if row else None


PG_VARIABLES = {"host": "host", "port": "port", "user": "user", "password": "password", "database": "dbname"}


def cpu_seconds(*processes: Process) -> float:
    """Return the CPU time of these processes so far, without their children's."""
    times = [psutil.Process(process.pid).cpu_times() for process in processes]
    return sum(time.user + time.system for time in times)


def memory(pid: int) -> tuple[float, float, int]:
    """Return RSS and PSS in MB, and the number of processes, of a process and its children."""
    one = psutil.Process(pid)
    family = [one, *one.children(recursive=True)]
    info = [member.memory_full_info() for member in family]
    return sum(each.rss for each in info) / 2**20, sum(each.pss for each in info) / 2**20, len(family)


def connect(url: str) -> psycopg.Connection[Any]:
    """Open an autocommit connection that prepares at once."""
    connection: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
    connection.prepare_threshold = 0
    return connection
