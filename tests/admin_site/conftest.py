"""An admin with people in it: a database of its own, real processes, logins over HTTP and in Chromium."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from psycopg.types.json import Jsonb

from db.settings import ROOT, Settings
from scripts.guard import Guard
from tests.servers import SECRET, Database, PostgresServer, Processes

PASSWORD = "correct-horse-battery"
PEOPLE = {"root": None, "olga": "operator", "rita": "reader", "nobody": ""}  # None: superuser
MAKE_PEOPLE = """
import json, sys
from django.contrib.auth.models import Group, User
for name, group in json.loads(sys.stdin.read()).items():
    user = User.objects.create_user(name, password="correct-horse-battery", is_staff=True, is_superuser=group is None)
    if group:
        user.groups.add(Group.objects.get(name=group))
"""
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string"},
        "template": {"enum": ["welcome", "invoice"]},
        "copies": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "urgent": {"type": "boolean", "default": False},
        "api_key": {"type": "string"},
    },
    "required": ["to", "template"],
    "additionalProperties": False,
}


@dataclass
class Admin:
    """A running admin, its database, and a worker's side in SQL."""

    base: str
    database: Database
    sql: psycopg.Connection
    processes: Processes
    worker: UUID = field(default_factory=uuid4)
    clients: dict[str, httpx.Client] = field(default_factory=dict)

    def close(self) -> None:
        for client in self.clients.values():
            client.close()

    def value(self, query: str, *parameters: Any) -> Any:
        row = self.sql.execute(query, parameters).fetchone()
        return row[0] if row else None

    def enqueue(self, task: str = "mail", payload: dict[str, Any] | None = None, **named: Any) -> UUID:
        more = "".join(f", {name} => %({name})s" for name in named)
        query = f"select taskbell.enqueue(%(task)s, %(payload)s{more})"
        row = self.sql.execute(query, {"task": task, "payload": Jsonb(payload or {}), **named}).fetchone()
        assert row
        return row[0]

    def register(self, name: str = "mail", schema: dict[str, Any] = SCHEMA) -> None:
        known = {"name": name, "description": "Sends a mail.", "schema": schema, "queue": None}
        types = Jsonb([{**known, "max_attempts": None, "timeout": None}])
        self.sql.execute("select taskbell.register(%s, 'tests/1', 1, '0', null, %s)", [self.worker, types])

    def claim(self, queue: str, task: str = "mail") -> tuple[UUID, UUID]:
        self.sql.execute("select taskbell.hold(%s, %s)", [self.worker, queue])
        query = "select id, token from taskbell.claim(%s, %s, %s, 1)"
        row = self.sql.execute(query, [self.worker, queue, [task]]).fetchone()
        assert row, "there was nothing to claim"
        return row

    def fail(self, queue: str, message: str, traceback: str) -> UUID:
        task_id, token = self.claim(queue)
        item = {"id": str(task_id), "token": str(token), "age": 0.1, "outcome": "fail", "after": None}
        item |= {"error": {"type": "ValueError", "message": message}, "traceback": traceback}
        self.sql.execute("select taskbell.fail(%s)", [Jsonb([item])])
        return task_id

    def complete(self, queue: str, result: Any) -> UUID:
        task_id, token = self.claim(queue)
        self.sql.execute("select taskbell.complete(%s, %s, %s, %s)", [[task_id], [token], [0.1], Jsonb([result])])
        return task_id

    def client(self, name: str | None) -> httpx.Client:
        """Return a browser without scripts, logged in; one a person (a login is made to be slow)."""
        if name and name in self.clients:
            return self.clients[name]
        client = httpx.Client(base_url=self.base, trust_env=False, timeout=20)
        self.clients[name or uuid4().hex] = client
        if name:
            page = client.get("/admin/login/")
            form = {"csrfmiddlewaretoken": csrf(page.text), "username": name, "password": PASSWORD}
            assert client.post("/admin/login/", data=form).status_code == 302
        return client


def csrf(page: str) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert found, page
    return found[1]


def environment(database: Database, **more: str) -> dict[str, str]:
    blank = {name.upper(): "" for name in Settings.model_fields}
    own = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": database.url,
        "MIGRATE_DATABASE_URL": database.migrate_url,
        "SECRET_KEY": SECRET,
    }
    return os.environ | blank | own | more


def python(database: Database, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        input=stdin,
        env=environment(database, **more),
        timeout=90,
    )


def make_admin(database: Database, processes: Processes, **more: str) -> Admin:
    done = python(database, "-m", "admin_site.migrate")
    assert done.returncode == 0, done.stderr
    done = python(database, "-m", "admin_site.manage", "shell", "-c", MAKE_PEOPLE, stdin=json.dumps(PEOPLE))
    assert done.returncode == 0, done.stderr
    return Admin(processes.admin(database, **more), database, database.connect(), processes)


@pytest.fixture(scope="package")
def admin(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Admin]:
    database = postgres_server.clone()
    processes = Processes(tmp_path_factory.mktemp("admin"), guard)
    try:
        made = make_admin(database, processes)
        made.register()
        yield made
        made.close()
    finally:
        processes.end()
        database.terminate()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A module's, not the session's: while Playwright runs, no asyncio test can."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        yield running
        running.close()


@pytest.fixture
def log_in(browser: Browser, admin: Admin) -> Iterator[Callable[[str], Page]]:
    """Open a browser of one's own, logged in; any error on its console fails the test."""
    complaints: list[str] = []
    pages: list[Page] = []

    def open_page(name: str) -> Page:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(15_000)
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{admin.base}/admin/")
        page.fill("#id_username", name)
        page.fill("#id_password", PASSWORD)
        page.click("#login-form button")
        page.wait_for_url(f"{admin.base}/admin/")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()
    assert not complaints


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    return Path(os.environ.get("SHOTS", tmp_path))
