"""Headers and cookies; and what is shown when workers, Redis, tables or the whole database are missing."""

import httpx
import psycopg
from psycopg import sql

from tests.admin_site.conftest import PASSWORD, Admin, csrf, make_admin
from tests.servers import Database, PostgresServer, Processes


def test_the_policy_lets_in_no_inline_script_and_no_other_site(admin: Admin) -> None:
    answer = admin.client("root").get("/admin/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'unsafe-eval'"  # the theme's Alpine.js
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] in {
        "private, no-store",
        "max-age=0, no-cache, no-store, must-revalidate, private",
    }
    assert "http://" not in policy["script-src"] + policy["style-src"] + policy["img-src"]


def test_it_serves_its_own_files(admin: Admin) -> None:
    client = admin.client(None)
    for path in ("taskbell/front.css", "taskbell/page.js", "unfold/css/styles.css", "admin/js/core.js"):
        assert client.get(f"/admin/static/{path}").status_code == 200, path
    assert client.get("/admin/static/%2e%2e/apps.py").status_code == 404
    assert client.get("/").headers["location"] == "/admin/"


def test_strange_hosts_are_refused(admin: Admin) -> None:
    assert admin.client(None).get("/admin/login/", headers={"Host": "evil.example"}).status_code == 400


def test_cookies_are_secure_where_people_come_by_https(database: Database, processes: Processes) -> None:
    made = make_admin(database, processes, PUBLIC_URL="https://tasks.example.com")
    headers = {"Host": "tasks.example.com", "X-Forwarded-Proto": "https"}
    with httpx.Client(base_url=made.base, trust_env=False, headers=headers, timeout=20) as client:
        page = client.get("/admin/login/")
        assert "Secure" in page.headers["set-cookie"]
        cookie = page.headers["set-cookie"].split(";")[0]
        form = {"csrfmiddlewaretoken": csrf(page.text), "username": "root", "password": PASSWORD}
        there = {"Cookie": cookie, "Origin": "https://tasks.example.com", "Referer": "https://tasks.example.com/admin/"}
        answer = client.post("/admin/login/", data=form, headers=there)
        assert answer.status_code == 302, answer.text
        session = next(line for line in answer.headers.get_list("set-cookie") if line.startswith("taskbell_admin="))
        for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/admin/"):
            assert flag in session
        there["Origin"] = "https://evil.example"
        assert client.post("/admin/login/", data=form, headers=there).status_code == 403


def test_an_empty_installation_without_workers(database: Database, processes: Processes) -> None:
    made = make_admin(database, processes)
    client = made.client("root")
    assert "No worker beats" in client.get("/admin/").text
    assert "No tasks yet" in client.get("/admin/tasks/").text
    assert "No worker has run" in client.get("/admin/workers/").text
    assert "No worker has registered a task yet" in client.get("/admin/enqueue/").text
    task_id = made.enqueue(task="unheard-of")
    assert "No worker runs" in client.get(f"/admin/tasks/{task_id}/").text
    made.close()


def test_an_old_transaction_is_warned_of(admin: Admin) -> None:
    with psycopg.connect(admin.database.migrate_url, autocommit=True) as owner:
        owner.execute("set role taskbell_owner")
        text = owner.execute("select pg_get_functiondef('taskbell.oldest_transaction()'::regprocedure)").fetchone()
        assert text
        owner.execute(
            "create or replace function taskbell.oldest_transaction() returns float8 language sql as 'select 120'"
        )
        try:
            page = admin.client("rita").get("/admin/").text
        finally:
            owner.execute(sql.SQL(text[0]))
    assert "A transaction is open for 2 min" in page or "A transaction is open for 120 s" in page


def test_with_the_database_gone_a_plain_page_says_so(postgres_server: PostgresServer, processes: Processes) -> None:
    database = postgres_server.clone()
    try:
        made = make_admin(database, processes)
        client = made.client("root")
        task_id = made.enqueue()
        made.sql.close()
        renamed = sql.Identifier(f"{database.name}_gone")
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as server:
            name = sql.Identifier(database.name)
            server.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database.name])
            server.execute(sql.SQL("alter database {} rename to {}").format(name, renamed))
            for path in ("/admin/", "/admin/tasks/", f"/admin/tasks/{task_id}/", "/admin/auth/user/", "/admin/live/"):
                answer = client.get(path)
                assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
                assert "The database does not answer" in answer.text
                assert "Traceback" not in answer.text
            server.execute(sql.SQL("alter database {} rename to {}").format(renamed, name))
        assert client.get("/admin/").status_code == 200  # back by itself
        made.close()
    finally:
        database.terminate()


def test_before_the_first_migration_a_plain_page_says_what_to_do(database: Database, processes: Processes) -> None:
    with httpx.Client(base_url=processes.admin(database), trust_env=False, timeout=20) as client:
        page = client.get("/admin/login/")
        form = {"csrfmiddlewaretoken": csrf(page.text), "username": "root", "password": PASSWORD}
        answer = client.post("/admin/login/", data=form)
        assert (answer.status_code, "make migrate" in answer.text) == (503, True)


def test_a_read_only_database_is_shown_and_said_to_be_so_on_acting(database: Database, processes: Processes) -> None:
    made = make_admin(database, processes)
    task_id = made.enqueue()
    client = made.client("olga")
    with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
        name = sql.Identifier(database.name)
        superuser.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
    for _ in range(3):
        page = client.get(f"/admin/act/cancel/?target={task_id}")
        assert page.status_code == 200
        form = {"csrfmiddlewaretoken": csrf(page.text), "target": str(task_id), "sure": "1"}
        answer = client.post("/admin/act/cancel/", data=form)
        assert (answer.status_code, "The database is read-only" in answer.text) == (503, True)
    log = processes.started[-1].log()
    assert log.count("the database refuses statements: ") == 1
    assert log.count(" after ") == 0, "that a page can be read is no sign that it is writable again"
    made.close()
