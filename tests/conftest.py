"""Fixtures: one Postgres and one Valkey a session, a cloned database and processes of one's own a test."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from scripts.guard import Guard
from tests.servers import Database, PostgresServer, Process, Processes, ValkeyServer, find_program

IN_CI = os.environ.get("CI") == "true"


@pytest.fixture(scope="session")
def guard() -> Iterator[Guard]:
    """Ends every server even if the test runner is killed."""
    with_guard = Guard()
    yield with_guard
    with_guard.close()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[PostgresServer]:
    """The embedded server, or the one whose programs TEST_POSTGRES names."""
    binaries = os.environ.get("TEST_POSTGRES")
    if binaries and not (Path(binaries) / "postgres").exists():
        missing(f"Postgres in {binaries}")
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), Path(binaries) if binaries else None, guard)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[ValkeyServer]:
    """A Redis-compatible server."""
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"), guard)
    yield server
    server.stop()


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A fresh migrated database."""
    clone = postgres_server.clone()
    yield clone
    clone.terminate()


@pytest.fixture
def redis_url(valkey_server: ValkeyServer) -> str:
    """The shared server; keys never meet, since each database is an installation of its own."""
    return valkey_server.url


@pytest.fixture
def processes(request: pytest.FixtureRequest, tmp_path: Path, guard: Guard) -> Iterator[Processes]:
    """Starts Taskbell's parts as real processes."""
    running = Processes(tmp_path, guard)
    request.node.stash[PROCESSES] = running
    yield running
    running.end()


@pytest.fixture
def run_worker(processes: Processes) -> Callable[..., Process]:
    """`run_worker(database, redis_url, QUEUES="a") -> Process`."""
    return processes.worker


@pytest.fixture
def run_api(processes: Processes) -> Callable[..., str]:
    """`run_api(database, redis_url, API_KEYS=…) -> base URL`."""
    return processes.api


@pytest.fixture
def run_admin(processes: Processes) -> Callable[..., str]:
    """`run_admin(database, redis_url) -> base URL`."""
    return processes.admin


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium."""
    return find_program("chromium", "chromium-browser", "google-chrome", "chrome") or missing("Chromium")


@pytest.fixture(scope="session")
def nginx() -> str:
    """The path of nginx."""
    return find_program("nginx") or missing("nginx")


def missing(what: str) -> NoReturn:
    """Skip with a reason on a person's machine; an error where CI=true."""
    if IN_CI:
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is not on this machine")


MAY_BE_SKIPPED = re.compile(r"docker|engine|compose|WSIFY_BIN", re.IGNORECASE)  # in CI, for want of these alone
PROCESSES = pytest.StashKey[Processes]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show the logs of a failed test's processes; let CI skip nothing but what it can't have."""
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail") and not MAY_BE_SKIPPED.search(str(report.longrepr)):
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing for this reason: {report.longrepr}"
    if report.failed and PROCESSES in item.stash:
        for process in item.stash[PROCESSES].started:
            report.sections.append((f"log of {process.name}", process.log()[-20_000:]))
    return report
