"""`make run`, as a person sees it."""

import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.scripts.launcher import RUNNING, Launcher, Tree, assert_gone

pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    copy = Tree(tmp_path)
    yield copy
    for one in copy.launchers:
        if one.make.poll() is None:
            one.press_ctrl_c()


@pytest.fixture
def launcher(tree: Tree) -> Launcher:
    return tree.run()


def _get(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False, follow_redirects=True, timeout=10)


def test_everything_answers_and_ctrl_c_ends_it_and_the_data_stays(tree: Tree, launcher: Launcher) -> None:
    launcher.wait_for(RUNNING)
    assert stat.S_IMODE((tree.folder / ".env").stat().st_mode) == 0o600
    page, admin = f"http://localhost:{tree.http}", f"http://localhost:{tree.admin}"
    for link in (f"{page}/", f"{page}/api/docs", f"{page}/api/", f"{admin}/admin/"):
        assert link in launcher.log()
        assert _get(link).status_code == 200
    for words in ("no admin user yet", "embedded, data in .data/postgres", "Valkey, embedded", "the API's own hub"):
        assert words in launcher.log()
    made = httpx.post(
        f"{page}/api/tasks", json={"task": "echo", "payload": {"a": 1}}, headers={"Prefer": "wait=10"}, trust_env=False
    )
    assert made.json()["result"] == {"a": 1}
    assert tree.make("superuser", **_admin("ann")).returncode == 0
    launcher.press_ctrl_c()
    assert "stopped" in launcher.log()

    again = tree.run()
    again.wait_for(RUNNING)
    assert "no admin user yet" not in again.log()
    with psycopg.connect(tree.dotenv("DATABASE_URL")) as connection:
        row = connection.execute(
            "select status::text from taskbell.tasks where id = %s", [made.json()["id"]]
        ).fetchone()
    assert row == ("succeeded",)


def test_no_password_stands_in_a_command_line_and_everything_is_local(running: Launcher) -> None:
    tree = running.tree
    secrets = [tree.dotenv(name) for name in ("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY")]
    for process in running.family():
        line = " ".join(process.cmdline())
        assert not [secret for secret in secrets if secret in line]
        listening = [c.laddr.ip for c in process.net_connections(kind="tcp") if c.status == "LISTEN"]
        assert set(listening) <= {"127.0.0.1"}
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(tree.dotenv("DATABASE_URL").replace(tree.dotenv("DATABASE_PASSWORD"), "wrong"))


def test_a_part_that_dies_is_named_and_started_again(running: Launcher) -> None:
    for word, name in (("worker", "worker"), ("api.app:app", "api"), ("admin_site.asgi:application", "admin")):
        running.part(word).kill()
        running.wait_for(rf"{name} died \(SIGKILL\); starting it again in 0.5 s")
    deadline = time.monotonic() + 30
    while not _whole(running.tree):
        assert time.monotonic() < deadline, running.log()
        time.sleep(0.1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_stays_when_the_launcher_is_killed(launcher: Launcher, number: signal.Signals) -> None:
    launcher.wait_for(RUNNING)
    family = launcher.family()
    launcher.part("scripts.run").send_signal(number)
    launcher.make.wait(40)
    assert_gone(family)


def test_nothing_stays_when_make_is_killed(launcher: Launcher) -> None:
    launcher.wait_for(RUNNING)
    family = launcher.family()
    launcher.make.kill()
    launcher.make.wait(5)
    assert_gone(family)


def test_a_taken_port_is_one_sentence(tree: Tree) -> None:
    with socket.create_server(("127.0.0.1", tree.http)):
        done = tree.make("run")
    assert f"port {tree.http} is taken by another program: stop that, or change HTTP_PORT in .env" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "DATABASE_URL=postgresql://me:secret-word@127.0.0.1:1/mine",
            "DATABASE_URL does not answer: 127.0.0.1:1 as me",
        ),
        ("REDIS_URL=redis://127.0.0.1:1/0", "REDIS_URL does not answer: 127.0.0.1"),
        ("HTTP_PORT=many", "HTTP_PORT is 'many'"),
        ("this is no setting", "this is no NAME=value"),
    ],
)
def test_a_wrong_env_is_one_sentence(tree: Tree, line: str, sentence: str) -> None:
    assert tree.make("up", COMPOSE="true").returncode == 0  # which makes .env as well
    with (tree.folder / ".env").open("a") as file:
        file.write(f"{line}\n")
    done = tree.make("run")
    told = [text for text in done.stderr.splitlines() if not text.startswith("make")]
    assert done.returncode != 0
    assert len(told) == 1, done.stderr
    assert sentence in told[0]
    assert "secret-word" not in done.stderr


def test_a_second_launcher_in_the_same_folder_says_so(running: Launcher) -> None:
    assert "already runs from this folder" in running.tree.make("run").stderr


def test_without_redis_the_lock_is_a_row(tree: Tree) -> None:
    example = tree.folder / ".env.example"
    lines = ["REDIS_URL=" if line.startswith("REDIS_URL=") else line for line in example.read_text().splitlines()]
    example.write_text("\n".join(lines) + "\n")
    launcher = tree.run()
    launcher.wait_for(RUNNING)
    assert "a row in Postgres (REDIS_URL is empty)" in launcher.log()
    url = f"http://127.0.0.1:{tree.http}/api/tasks"
    done = httpx.post(url, json={"task": "echo"}, headers={"Prefer": "wait=10"}, trust_env=False)
    assert done.json()["status"] == "succeeded"


def _whole(tree: Tree) -> bool:
    try:
        ready = _get(f"http://127.0.0.1:{tree.http}/api/readyz").json()
        return ready["status"] == "ok" and _get(f"http://127.0.0.1:{tree.admin}/admin/login/").status_code == 200
    except (httpx.TransportError, KeyError):
        return False


def _admin(name: str) -> dict[str, str]:
    return {
        "DJANGO_SUPERUSER_USERNAME": name,
        "DJANGO_SUPERUSER_EMAIL": f"{name}@example.com",
        "DJANGO_SUPERUSER_PASSWORD": "a long enough passphrase",
    }
