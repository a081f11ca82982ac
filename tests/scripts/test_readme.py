"""Every command of the README, run as it stands there but for the ports."""

import json
import re
import subprocess
import time

import httpx
import pytest

from db.settings import ROOT
from tests.scripts.launcher import Launcher

pytestmark = pytest.mark.slow

BLOCKS = re.findall(r"```(sh|sql|python)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def _block(kind: str, word: str) -> str:
    return next(text for found, text in BLOCKS if found == kind and word in text)


def _shell(running: Launcher, text: str) -> str:
    text = text.replace("localhost:8000", f"localhost:{running.tree.http}")
    done = subprocess.run(
        ["bash", "-euc", text],
        cwd=running.tree.folder,
        env=running.tree.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _get(running: Launcher, path: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{running.tree.http}{path}", trust_env=False, timeout=10)


def test_every_block_is_known_to_these_tests() -> None:
    assert [kind for kind, _ in BLOCKS] == ["sh", "sql", "sh", "python", "sh"]
    assert _block("sh", "make run").strip() == "make run"  # which is what `running` did


def test_psql_rolls_back_and_waits(running: Launcher) -> None:
    done = running.tree.make("psql", "ARGS=--no-psqlrc -v ON_ERROR_STOP=1", stdin=_block("sql", "rollback"))
    assert done.returncode == 0, done.stderr
    assert '"words": 6' in done.stdout
    count = "select count(*) from taskbell.tasks where payload->>'text' like 'never seen%';"
    assert running.tree.make("psql", "ARGS=-qtA", stdin=count).stdout.strip() == "0"


def test_both_ways_of_curl(running: Launcher) -> None:
    short, long = (json.loads(one) for one in re.findall(r"\{.*?\}(?=\{|\s*$)", _shell(running, _block("sh", "curl"))))
    assert {"id", "token"} <= short.keys()
    assert long["result"] == {"slept": 1}


def test_a_task_saved_while_it_runs_is_there(running: Launcher) -> None:
    file = running.tree.folder / "worker/tasks/greet.py"
    file.write_text(_block("python", "greet"))
    deadline = time.monotonic() + 30
    while "greet" not in _get(running, "/api/task-types").text:
        assert time.monotonic() < deadline, running.log()
        time.sleep(0.1)
    done = httpx.post(
        f"http://127.0.0.1:{running.tree.http}/api/tasks",
        json={"task": "greet", "payload": {"name": "Ann", "times": 2}},
        headers={"Prefer": "wait=20"},
        trust_env=False,
        timeout=30,
    )
    assert done.json()["result"] == {"greeting": "Hello Ann! Hello Ann!"}


def test_the_line_for_cron(running: Launcher) -> None:
    assert re.search(r"[0-9a-f]{8}-", _shell(running, _block("sh", "every morning")))


def test_make_key_opens_the_api_after_a_restart_of_it(running: Launcher) -> None:
    made = running.tree.make("key", "NAME=shop", "ROLE=reader")
    assert "stop `make run` with Ctrl-C and start it again" in made.stderr
    key = made.stdout.strip()
    assert key.startswith("tb_")
    assert key not in (running.tree.folder / ".env").read_text()
    assert running.tree.dotenv("API_KEYS").startswith("shop:reader:")
    assert running.tree.make("key", "NAME=shop", "ROLE=king").returncode != 0
    running.part("api.app:app").kill()
    deadline = time.monotonic() + 30
    while _status(running, key) != 200:
        assert time.monotonic() < deadline, running.log()
        time.sleep(0.1)
    assert _status(running, "wrong") == 401


def _status(running: Launcher, key: str) -> int:
    try:
        url = f"http://127.0.0.1:{running.tree.http}/api/queues"
        return httpx.get(url, headers={"Authorization": f"Bearer {key}"}, trust_env=False).status_code
    except httpx.TransportError:
        return 0
