"""Through the stack as people go: by way of nginx."""

import json
import re
import sys
import time

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from websockets.sync.client import connect

from tests.compose.stack import Stack

INNER = ["/metrics", "/api/ws/authorize", "/api//ws/authorize", "/api/ws/%61uthorize", "/x/../metrics"]
CSRF = re.compile(r'"csrfToken": "([^"]+)"')
NAME, PASSWORD = "ada", "a long enough pass phrase"


def short_door(stack: Stack, **query: str) -> dict[str, str]:
    answer = httpx.get(f"{stack.url}/api/new_task/", params=query, trust_env=False)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


def test_the_page_and_the_documentation_are_there(stack: Stack) -> None:
    page = httpx.get(stack.url, trust_env=False)
    assert "Taskbell" in page.text
    for path in re.findall(r'(?:src|href)="((?:js|css)/[^"]+|style\.css)"', page.text):
        assert httpx.get(f"{stack.url}/{path}", trust_env=False).status_code == 200, path
    assert httpx.get(f"{stack.url}/api/docs", trust_env=False, follow_redirects=True).status_code == 200
    assert httpx.get(f"{stack.url}/api/readyz", trust_env=False).json()["status"] == "ok"


def test_the_short_door_leads_to_a_result_over_wsify(stack: Stack) -> None:
    task = short_door(stack, task="wordcount", text="one two two")
    with connect(f"{stack.url.replace('http', 'ws')}/ws", proxy=None) as socket:
        socket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": task["token"]}}))
        message = json.loads(socket.recv(timeout=10))
        while message["status"] not in {"succeeded", "failed"}:
            message = json.loads(socket.recv(timeout=10))
    assert message["result"] == {"words": 3, "counts": {"one": 1, "two": 2}}
    assert "GET /ws" not in stack.compose("logs", "wsify")  # its log would hold the broadcasting key


def test_a_wrong_token_joins_nothing(stack: Stack) -> None:
    task = short_door(stack, task="echo", text="secret")
    with connect(f"{stack.url.replace('http', 'ws')}/ws", proxy=None) as socket:
        socket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": "wrong"}}))
        with pytest.raises(TimeoutError):
            socket.recv(timeout=3)


def test_events_arrive_while_the_task_runs(stack: Stack) -> None:
    task = short_door(stack, task="sleep", seconds="2")
    arrivals: list[tuple[str, float]] = []
    address = f"{stack.url}/api/tasks/{task['id']}/events"
    with httpx.stream("GET", address, headers={"X-Task-Token": task["token"]}, trust_env=False, timeout=20) as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data:"):
                status = json.loads(line.removeprefix("data:"))["status"]
                arrivals.append((status, time.monotonic()))
    running = [when for status, when in arrivals if status == "running"]
    assert arrivals[-1][0] == "succeeded"
    assert arrivals[-1][1] - running[0] > 1.0  # seconds: nothing was kept back until the end


@pytest.mark.parametrize("path", INNER)
def test_inner_routes_are_closed(stack: Stack, path: str) -> None:
    for port in (stack.url, stack.admin_url):
        answer = httpx.post(f"{port}{path}", json={"command": "join"}, trust_env=False)
        assert answer.status_code == 404, (port, path, answer.text)


@pytest.mark.parametrize("by_way_of", ["url", "admin_url"])
def test_the_admin_lets_its_user_in(stack: Stack, by_way_of: str) -> None:
    made = ["-e", f"DJANGO_SUPERUSER_USERNAME={NAME}{by_way_of}", "-e", f"DJANGO_SUPERUSER_PASSWORD={PASSWORD}"]
    made += ["-e", "DJANGO_SUPERUSER_EMAIL=ada@example.org"]
    stack.compose("exec", "-T", *made, "admin", "python", "-m", "admin_site.manage", "createsuperuser", "--noinput")
    inside = signed_in(getattr(stack, by_way_of), NAME + by_way_of)
    assert len(inside) > 1


def test_make_serves_this_stack(stack: Stack) -> None:
    assert stack.make("psql", "ARGS=-XAtc 'select current_user'").strip() == "taskbell_app"
    stack.make("superuser", DJANGO_SUPERUSER_USERNAME="grace", DJANGO_SUPERUSER_PASSWORD=PASSWORD)
    assert signed_in(stack.url, "grace")
    logs = stack.run("sh", "-c", "timeout 10 make logs | grep -m 1 nginx-1")
    assert logs.startswith("nginx-1")


def signed_in(base: str, name: str) -> list[str]:
    """Sign in to the admin and fetch what its front page is made of; return that."""
    with httpx.Client(
        base_url=base, trust_env=False, follow_redirects=True, headers={"Referer": f"{base}/admin/"}
    ) as browser:
        form = browser.get("/admin/").text
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form)
        assert token
        entry = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1], "next": "/admin/"}
        inside = browser.post("/admin/login/", data=entry)
        assert inside.status_code == 200
        assert "/admin/logout/" in inside.text
        files = sorted(set(re.findall(r'"(/admin/static/[^"]+)"', inside.text)))
        for path in files:
            assert browser.get(path).status_code == 200, path
        return files


def test_sql_clients_of_this_machine_get_in_as_the_app_login_alone(stack: Stack) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        row = connection.execute("select taskbell.enqueue('echo', '{\"a\": 1}')").fetchone()
        assert row
        done = connection.execute("select taskbell.wait(%s, '20 s')", row).fetchone()
        assert done
        assert done[0]["result"] == {"a": 1}
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select * from taskbell.live")
    password = stack.settings["POSTGRES_PASSWORD"]
    superuser = make_conninfo(stack.database_url, user="postgres", password=password)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(superuser)


def test_an_applications_own_login_enqueues(stack: Stack) -> None:
    as_migrator = ["exec", "-T", "postgres", "psql", "-U", "taskbell_migrator", "taskbell"]
    grants = ["-c", "create role shop login password 'shops-own'", "-c", "grant taskbell_producer to shop"]
    stack.compose(*as_migrator, *grants)
    address = make_conninfo(stack.database_url, user="shop", password="shops-own")
    with psycopg.connect(address, autocommit=True) as connection:
        row = connection.execute("select taskbell.enqueue('echo', '{\"a\": 2}')").fetchone()
        assert row
        done = connection.execute("select taskbell.wait(%s, '20 s')", row).fetchone()
        assert done
        assert done[0]["result"] == {"a": 2}


def test_make_key_says_what_lets_it_in(stack: Stack) -> None:
    said = stack.run(sys.executable, "-c", "from scripts.key import what_next; print(what_next())")
    assert "docker compose up -d --wait" in said


def test_the_image_holds_no_compiler_and_no_pip_beside_our_packages(stack: Stack) -> None:
    looked = stack.compose("exec", "-T", "api", "sh", "-c", "command -v gcc cc c++ ld make git; ls /opt/venv/bin")
    assert "uvicorn" in looked
    assert not {"pip", "/usr/bin/gcc", "/usr/bin/cc", "/usr/bin/ld", "/usr/bin/make", "/usr/bin/git"} & set(
        looked.split()
    )


@pytest.mark.parametrize("service", ["postgres", "redis", "api", "worker", "admin", "wsify", "nginx"])
def test_every_service_is_locked_down(stack: Stack, service: str) -> None:
    described = stack.describe(service)
    host = described["HostConfig"]
    assert isinstance(host, dict)
    assert host["ReadonlyRootfs"]
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["LogConfig"]["Config"]["max-size"]
    published = {ports[0]["HostIp"] for ports in host["PortBindings"].values() if ports}
    assert published == {"postgres": {"127.0.0.1"}, "nginx": {"0.0.0.0"}}.get(service, set())
    uids = stack.compose("exec", "-T", service, "sh", "-c", "cat /proc/[0-9]*/status | grep ^Uid")
    assert "\t0\t" not in uids, f"{service} runs something as root"


def test_pgadmin_is_locked_down_but_for_what_its_image_needs(pgadmin: Stack) -> None:
    described = pgadmin.describe("pgadmin")
    host, config = described["HostConfig"], described["Config"]
    assert isinstance(host, dict)
    assert isinstance(config, dict)
    assert config["User"] == "5050"
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] in (["NET_BIND_SERVICE"], ["CAP_NET_BIND_SERVICE"])
    assert not host["Privileged"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"]["max-size"]
    assert {ports[0]["HostIp"] for ports in host["PortBindings"].values()} == {"127.0.0.1"}
    uids = pgadmin.compose("exec", "-T", "pgadmin", "sh", "-c", "cat /proc/[0-9]*/status | grep ^Uid")
    assert set(re.findall(r"\d+", uids)) == {"5050"}


def test_pgadmin_shows_the_database(pgadmin: Stack) -> None:
    with httpx.Client(base_url=pgadmin.pgadmin_url, trust_env=False, follow_redirects=True, timeout=60) as browser:
        form = browser.get("/login")
        token = CSRF.search(form.text)
        assert token, form.text[:3000]
        browser.headers["X-pgA-CSRFToken"] = token[1]
        entry = {"email": "admin@example.com", "password": pgadmin.settings["PGADMIN_PASSWORD"], "csrf_token": token[1]}
        browser.post("/authenticate/login", data=entry).raise_for_status()
        password = {"password": pgadmin.settings["POSTGRES_PASSWORD"]}
        connected = browser.post("/browser/server/connect/1/1", data=password).raise_for_status()
        assert connected.json()["data"]["user"]["name"] == "taskbell_migrator"  # as servers.json says
        databases = browser.get("/browser/database/nodes/1/1/").raise_for_status().json()["data"]
        assert "taskbell" in [database["label"] for database in databases]


def test_pgadmin_refuses_the_sample_password(pgadmin: Stack) -> None:
    sample = ["-e", "PGADMIN_DEFAULT_PASSWORD=change-me"]
    said = pgadmin.refusal("--profile", "pgadmin", "run", "--rm", "--no-deps", "-T", *sample, "pgadmin")
    assert "PGADMIN_PASSWORD in .env is the sample or empty" in said
