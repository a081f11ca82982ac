"""docs/how-to/backup.md, its commands as they stand there, on a server without containers (tests/compose has them)."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from db.embedded import postgres_binaries
from db.logins import APP, MIGRATOR
from db.settings import ROOT
from tests.servers import SECRET, PostgresServer

NAME = "taskbell"  # the database of the page
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/how-to/backup.md").read_text(), re.DOTALL)
BACK_UP, _REHEARSAL, RESTORE, _RESUME = BLOCKS
DOCKER = """#!/bin/sh
# What the page asks of the stack, done on the test's own server.
case "$*" in
    "compose exec -T postgres "*) shift 4; exec "$@" ;;
    "compose run --rm migrate") cd "$TREE" && "$PYTHON" -m db.migrate && exec "$PYTHON" -m admin_site.migrate ;;
    "compose up -d --wait"*) ;;
    *) echo "the page asks for something else: $*" >&2; exit 1 ;;
esac
"""
LATER = """create table taskbell.later (id uuid primary key);
comment on table taskbell.later is 'What a later release keeps.';
"""


class Machine:
    """Runs the page's commands; `tree` is the checkout whose `migrate` they call."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.tree = ROOT
        programs = folder / "bin"
        programs.mkdir()
        (programs / "docker").write_text(DOCKER)
        (programs / "docker").chmod(0o755)
        passwords = folder / "passwords"
        passwords.write_text(f"*:*:*:{APP}:app-password\n*:*:*:postgres:super-password\n")
        passwords.chmod(0o600)
        binaries = os.environ.get("TEST_POSTGRES") or str(postgres_binaries())
        self._env = os.environ | {
            "PATH": f"{programs}:{binaries}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGPASSFILE": str(passwords),
            "PYTHON": sys.executable,
            "ENVIRONMENT": "production",
            "SECRET_KEY": SECRET,
            "DATABASE_URL": server.url(APP, NAME),
            "MIGRATE_DATABASE_URL": server.url(MIGRATOR, NAME),
        }

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        env = self._env | {"TREE": str(self.tree)}
        command = ["sh", "-e", "-c", commands]
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)

    def make_database(self) -> None:
        with psycopg.connect(self.server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database if exists {NAME} with (force)")
            connection.execute(f"create database {NAME} owner {MIGRATOR}")

    def ask(self, query: str) -> object:
        with psycopg.connect(self.server.url("postgres", NAME), autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        return row[0] if row else None


@pytest.fixture
def machine(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(postgres_server, tmp_path)
    made.make_database()
    yield made
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database if exists {NAME} with (force)")


@pytest.fixture
def later_release(tmp_path: Path) -> Path:
    """A checkout one migration ahead of this one."""
    for part in ("db", "admin_site"):
        shutil.copytree(ROOT / part, tmp_path / "later" / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "later/db/migrations/0099_later.sql").write_text(LATER)
    return tmp_path / "later"


def back_up(machine: Machine) -> object:
    """Make a database with a task in it, dump it as the page says, and lose it; return the task's id."""
    assert machine.run("docker compose run --rm migrate").returncode == 0
    task = machine.ask("select taskbell.enqueue('echo', '{\"a\": 1}')")
    done = machine.run(BACK_UP)
    assert done.returncode == 0, done.stderr
    machine.make_database()
    return task


def test_the_dump_is_read_by_its_owner_alone(machine: Machine) -> None:
    back_up(machine)
    assert (machine.folder / "backup/taskbell.dump").stat().st_mode & 0o077 == 0
    asked = ["git", "check-ignore", "backup/taskbell.dump", "taskbell.dump"]
    ignored = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    assert ignored == asked[2:]


def test_a_dump_is_restored(machine: Machine) -> None:
    task = back_up(machine)
    done = machine.run(RESTORE)
    assert done.returncode == 0, done.stderr
    assert machine.ask("select id from taskbell.tasks where status = 'queued'") == task
    assert machine.ask("select paused from taskbell.health")


def test_an_older_releases_dump_is_restored_and_brought_up_to_date(machine: Machine, later_release: Path) -> None:
    task = back_up(machine)
    machine.tree = later_release
    done = machine.run(RESTORE)
    assert done.returncode == 0, done.stderr
    assert machine.ask("select id from taskbell.tasks where status = 'queued'") == task
    assert machine.ask("select count(*) from taskbell.later") == 0
    assert "nothing to do" in machine.run("docker compose run --rm migrate").stdout


def test_a_newer_releases_dump_is_refused_in_a_sentence(machine: Machine, later_release: Path) -> None:
    machine.tree = later_release
    back_up(machine)
    machine.tree = ROOT
    done = machine.run(RESTORE)
    assert done.returncode != 0
    assert "newer" in done.stderr.splitlines()[-1]
