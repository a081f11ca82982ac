"""Real servers for tests: Postgres with a migrated template, Valkey, and Taskbell's own processes."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import httpx
import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from db import embedded
from db.logins import APP, MIGRATOR, ensure_logins
from db.migrate import migrate
from db.settings import ROOT, Settings
from scripts.guard import Guard

TEMPLATE = "taskbell_template"
READY_TIMEOUT = 30.0  # seconds until a process that was started must answer
SECRET = "a secret of the tests that is long enough for production"
FAST = {  # losing a test's data in a crash of the machine does no harm
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "autovacuum_naptime": "10min",
    "log_min_error_statement": "panic",
}


class PostgresServer:
    """A server with the two logins and a migrated template; `binaries` picks another version's programs."""

    def __init__(
        self, folder: Path, binaries: Path | None, guard: Guard, options: Mapping[str, str] | None = None
    ) -> None:
        self._embedded = embedded.Postgres(
            folder / "postgres", embedded.free_port(), "super-password", binaries, FAST | dict(options or {})
        )
        self.port = self._embedded.port
        self._process = embedded.start(self._embedded, folder / "postgres.log")
        self.pid = self._process.pid
        guard.watch(self.pid)
        self.numbers = count(1)
        try:
            self._make_template()
        except BaseException:
            self.stop()
            raise

    def url(self, login: str, database: str = "postgres") -> str:
        """Return the address of a database for `postgres`, the migrator or the app login."""
        passwords = {MIGRATOR: "migrator-password", APP: "app-password"}
        return self._embedded.url(login, passwords.get(login), database)

    def clone(self) -> "Database":
        """Make a fresh database from the template."""
        return Database(self, f"test_{next(self.numbers)}_{os.getpid()}")

    def stop(self) -> None:
        """Stop the server."""
        embedded.stop(self._process)

    def _make_template(self) -> None:
        passwords = {"migrator_password": "migrator-password", "app_password": "app-password"}
        ensure_logins(self.url("postgres"), **passwords, database=TEMPLATE)
        migrate(self.url(MIGRATOR, TEMPLATE), app_login=APP)
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("alter database {} with is_template true").format(sql.Identifier(TEMPLATE)))


class Database:
    """A migrated database of one test's own."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.superuser_url = server.url("postgres", name)
        self.migrate_url = server.url(MIGRATOR, name)
        self.url = server.url(APP, name)
        self._logins: dict[str, str] = {}
        self._connections: list[psycopg.Connection] = []
        self._on_server(
            sql.SQL("create database {} template {} owner {}").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(MIGRATOR)
            )
        )
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute("update taskbell.installation set id = gen_random_uuid()")  # clones share a Redis

    def connect(self, login: str = "app") -> psycopg.Connection:
        """Connect (autocommit) as `app`, `migrate`, `superuser`, or a login made by `login`; closed at teardown."""
        urls = {"app": self.url, "migrate": self.migrate_url, "superuser": self.superuser_url, **self._logins}
        connection = psycopg.connect(urls.get(login, login), autocommit=True)
        self._connections.append(connection)
        return connection

    def login(self, name: str, *roles: str) -> str:
        """Make a login that is a member of `roles`; return its URL. Its name is unique: read it from there."""
        unique = f"{name}_{self.name}"
        self._on_server(sql.SQL("create role {} login password 'login-password'").format(sql.Identifier(unique)))
        for role in roles:
            self._on_server(sql.SQL("grant {} to {}").format(sql.Identifier(role), sql.Identifier(unique)))
        self._logins[name] = make_conninfo(self.superuser_url, user=unique, password="login-password")
        return self._logins[name]

    def terminate(self) -> None:
        """Close what was opened and drop the database and its logins."""
        for connection in self._connections:
            connection.close()
        self._on_server(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(self.name)))
        for name in self._logins:
            self._on_server(sql.SQL("drop role {}").format(sql.Identifier(f"{name}_{self.name}")))

    def _on_server(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


class ValkeyServer:
    """A Redis-compatible server with a password."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._embedded = embedded.Valkey(folder / "valkey", embedded.free_port(), "valkey-password")
        self.port = self._embedded.port
        self.url = self._embedded.url()
        self._process = embedded.start(self._embedded, folder / "valkey.log")
        guard.watch(self._process.pid)

    def stop(self) -> None:
        """Stop the server."""
        embedded.stop(self._process)


class Process:
    """A process of ours with its output in a file; `stop` is SIGTERM and a wait, `kill` SIGKILL for its group."""

    def __init__(self, name: str, command: list[str], env: dict[str, str], folder: Path, guard: Guard) -> None:
        self.name = name
        self._log = folder / f"{name}.log"
        self._guard = guard
        blank = {field.upper(): "" for field in Settings.model_fields}  # so that no .env of the tree counts
        with self._log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=os.environ | blank | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self.popen.pid
        guard.watch(self.pid)

    def log(self) -> str:
        """Return what it has written so far."""
        return self._log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], timeout: float = READY_TIMEOUT) -> None:
        """Wait until `ready()`; `AssertionError` with the log when the process ends or `timeout` passes before."""
        deadline = time.monotonic() + timeout
        while not ready():
            assert self.popen.poll() is None, f"{self.name} ended with {self.popen.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"{self.name} was not ready within {timeout} s:\n{self.log()}"
            time.sleep(0.02)

    def stop(self, timeout: float = 20.0) -> int:
        """Ask it to stop, wait, return its exit code; `AssertionError` when it does not within `timeout`."""
        self.popen.terminate()
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {timeout} s:\n{self.log()}") from None
        self._guard.forget(self.pid)
        return code

    def kill(self) -> None:
        """Kill it with all its children, as a crash would."""
        pids = [self.pid, *(child.pid for child in _descendants(self.pid))]
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        self.popen.wait()
        self._guard.forget(self.pid)


class Processes:
    """Starts Taskbell's parts for one test and ends them all."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._folder = folder
        self._guard = guard
        self._numbers = count(1)
        self.started: list[Process] = []

    def start(self, name: str, command: list[str], **env: str) -> Process:
        """Start any command with these settings and no others."""
        process = Process(f"{name}-{next(self._numbers)}", command, env, self._folder, self._guard)
        self.started.append(process)
        return process

    def worker(self, database: Database, redis_url: str = "", **env: str) -> Process:
        """Start `python -m worker`; return once the database knows it as a living worker."""
        process = self.start("worker", [sys.executable, "-m", "worker"], **(_settings(database, redis_url) | env))
        query = "select from taskbell.workers where pid = any(%s) and alive"
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            process.wait_until(
                lambda: connection.execute(query, [_family(process.pid)]).fetchone() is not None,
            )
        return process

    def api(self, database: Database, redis_url: str = "", **env: str) -> str:
        """Start the API on a free port; return its base URL once it answers. The process: `started[-1]`."""
        return self._asgi("api", "api.app:app", "/api/healthz", database, redis_url, env)

    def admin(self, database: Database, redis_url: str = "", **env: str) -> str:
        """Start the admin on a free port; return its base URL once it answers. The process: `started[-1]`."""
        return self._asgi("admin", "admin_site.asgi:application", "/admin/login/", database, redis_url, env)

    def end(self) -> None:
        """Kill what still runs, the last started first."""
        for process in reversed(self.started):
            if process.popen.poll() is None:
                process.popen.terminate()
        deadline = time.monotonic() + 5
        for process in reversed(self.started):
            try:
                process.popen.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
            self._guard.forget(process.pid)

    def _asgi(self, name: str, app: str, path: str, database: Database, redis_url: str, env: dict[str, str]) -> str:
        port = embedded.free_port()
        command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
        ports = {f"{'HTTP' if name == 'api' else 'ADMIN'}_PORT": str(port)}
        process = self.start(name, command, **(_settings(database, redis_url) | ports | env))
        base = f"http://127.0.0.1:{port}"
        process.wait_until(lambda: _answers(base + path))
        return base


def find_program(*names: str, folder: str = "/usr/sbin") -> str | None:
    """Find a program under one of its names, in PATH or `folder`."""
    return next((path for name in names if (path := shutil.which(name) or shutil.which(name, path=folder))), None)


def _settings(database: Database, redis_url: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database.url,
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET,
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _family(pid: int) -> list[int]:
    return [pid, *(child.pid for child in _descendants(pid))]
