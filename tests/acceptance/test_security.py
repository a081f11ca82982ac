"""Real logins of each role, callers with others' tokens, and pages of other sites: each is refused as documented."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import psycopg
import pytest
from playwright.sync_api import sync_playwright
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.acceptance.load import API_KEYS
from tests.acceptance.other_site import ATTACK, other_site
from tests.acceptance.test_main_way import join
from tests.frontend.conftest import FLAGS
from tests.servers import Database, Process

Start = Callable[..., Process]
ROLES = ("producer", "reader", "operator", "worker", "service")
FORBIDDEN = (
    "set role taskbell_owner",
    "set session authorization taskbell_owner",
    "grant taskbell_owner to current_user",
    "alter function taskbell.now() owner to current_user",
    "create or replace function taskbell.now() returns timestamptz language sql as 'select ''epoch''::timestamptz'",
    "create table taskbell.mine ()",
    "create trigger mine before insert on taskbell.live for each row execute function suppress_redundant_updates_trigger()",
    "insert into taskbell.queue (name) values ('mine')",
    "update taskbell.live set payload = '{}'",
    "delete from taskbell.finished",
    "truncate taskbell.live",
    "select token from taskbell.live",
    "alter table taskbell.live disable trigger all",
    "drop schema taskbell cascade",
)


@pytest.mark.parametrize("role", ROLES)
def test_no_login_becomes_the_owner_or_touches_a_table(database: Database, queue: Any, role: str) -> None:
    queue.enqueue("echo")
    with psycopg.connect(database.login(role, f"taskbell_{role}"), autocommit=True) as attacker:
        for query in FORBIDDEN:
            with pytest.raises(psycopg.Error) as refused:
                attacker.execute(query)
            assert refused.value.sqlstate in ("42501", "0LP01"), (query, refused.value)
        attacker.execute("create temp table live (id uuid)")
        attacker.execute("create temp table task_type (name text)")
        attacker.execute(
            "create function pg_temp.evil() returns trigger language plpgsql as $$ begin"
            " execute 'grant taskbell_owner to public'; return new; end $$"
        )
        for table in ("live", "task_type"):
            attacker.execute(f"create trigger t before insert on {table} for each row execute function pg_temp.evil()")
        attacker.execute("set search_path = pg_temp, taskbell, pg_catalog")
        attacker.execute("set taskbell.actor = 'admin:boss'")
        if role in ("producer", "operator", "service"):
            try:
                attacker.execute("select taskbell.enqueue('echo')")
            except psycopg.errors.InsufficientPrivilege:
                assert role != "producer"
        name = attacker.info.user
    owners = "select count(*) from pg_auth_members where roleid = 'taskbell_owner'::regrole and member = %s::regrole"
    assert database.connect("superuser").execute(owners, [name]).fetchone() == (0,)
    people = {who for (who,) in queue.sql.execute("select distinct enqueued_by from taskbell.tasks").fetchall()}
    assert people <= {name, queue.sql.info.user}, "nobody acts in another's name"


def test_a_token_opens_its_own_task_alone(worker: Start, run_api: Callable[..., str], database: Database) -> None:
    worker()
    base = run_api(database, ENVIRONMENT="production", API_KEYS=API_KEYS)
    with httpx.Client(base_url=base, trust_env=False) as http:
        mine, other = (http.post("/api/tasks", json={"task": "echo", "payload": {"n": n}}).json() for n in (1, 2))
        for method, path in (
            ("GET", ""),
            ("GET", "/events"),
            ("POST", "/cancel"),
            ("POST", "/retry"),
            ("GET", "/attempts"),
        ):
            answer = http.request(method, f"/api/tasks/{other['id']}{path}", headers={"X-Task-Token": mine["token"]})
            assert answer.status_code in (401, 403), (path, answer.text)
        assert http.get(f"/api/tasks/{other['id']}").status_code == 401
    assert join(base, mine)["result"] == {"n": 1}
    with pytest.raises((TimeoutError, ConnectionClosed)):
        join_with(base, other["id"], mine["token"])


def join_with(base: str, channel: str, token: str) -> Any:
    with connect(base.replace("http", "ws") + "/ws", proxy=None) as websocket:
        websocket.send(json.dumps({"command": "join", "args": {"channel": channel, "token": token}}))
        return websocket.recv(timeout=1)


@pytest.mark.browser
def test_a_page_of_another_site_enqueues_reads_and_hears_nothing(
    queue: Any, worker: Start, run_api: Callable[..., str], database: Database, chromium: str
) -> None:
    worker()
    api = run_api(database, PUBLIC_TASKS="echo").replace("127.0.0.1", "localhost")
    with other_site() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page()
        page.goto(site)
        assert page.evaluate(ATTACK, api) == {"tried": 7, "readable": False, "opened": False}
        page.goto(f"{api}/api/new_task/?task=echo&by=link")  # typed in, or a link: cross-site only from their page
        typed = queue.sql.execute("select count(*) from taskbell.tasks").fetchone()[0]
        page.goto(site)
        page.evaluate("(address) => { location.href = address; }", f"{api}/api/new_task/?task=echo&by=their-link")
        page.wait_for_url(f"{api}/**")
        assert "cross-site" in page.inner_text("body").lower() or "403" in page.inner_text("body")
        browser.close()
    assert typed == 1, "what one types oneself works, so the rest was refused and not lost"
    assert queue.sql.execute("select count(*) from taskbell.tasks").fetchone() == (1,)
