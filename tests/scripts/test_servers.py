"""The fixtures themselves."""

import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import redis

from db.settings import ROOT
from tests.servers import Database

LAUNCHER = """
import subprocess
from scripts.guard import Guard
guard = Guard()
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
guard.watch(child.pid)
print(child.pid, flush=True)
child.wait()
"""


def test_a_database_is_migrated_and_its_logins_are_what_the_contract_says(database: Database) -> None:
    with database.connect() as connection:
        row = connection.execute(
            "select rolsuper, rolcreaterole, current_user from pg_roles where rolname = current_user"
        ).fetchone()
        owned = connection.execute("select from pg_class where relowner = current_user::regrole").fetchone()
        assert connection.execute("select count(*) from taskbell.tasks").fetchone() == (0,)
        untold = "select rolname from pg_roles where rolname like 'taskbell%' and shobj_description(oid, 'pg_authid') is null"
        assert connection.execute(untold).fetchall() == []
    assert row == (False, False, "taskbell_app")
    assert owned is None


def test_two_databases_are_two_installations(database: Database) -> None:
    other = database.server.clone()
    query = "select id from taskbell.installation"
    first = database.connect("superuser").execute(query).fetchone()
    assert first != other.connect("superuser").execute(query).fetchone()
    other.terminate()


def test_a_login_has_the_roles_it_was_given(database: Database) -> None:
    shop = psycopg.connect(database.login("shop", "taskbell_producer"))
    query = "select pg_has_role('taskbell_producer', 'member'), pg_has_role('taskbell_reader', 'member')"
    assert shop.execute(query).fetchone() == (True, False)
    shop.close()


def test_the_lock_server_wants_its_password(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.ping()
    with redis.Redis.from_url(redis_url.replace(":valkey-password@", "")) as client:
        try:
            client.ping()
        except redis.AuthenticationError:
            return
    raise AssertionError


def test_the_guard_ends_what_a_killed_launcher_left(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [
            sys.executable,
            "-c",
            LAUNCHER,
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert launcher.stdout
    child = psutil.Process(int(launcher.stdout.readline()))
    launcher.kill()
    launcher.communicate()
    deadline = time.monotonic() + 10
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)
