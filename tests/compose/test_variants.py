"""What .env may leave out or choose: secrets that must be there, the hub for the websocket, people's own tasks."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from db.settings import ROOT
from tests.compose.stack import Stack

OWN_TASK = """from tabulate import tabulate

from worker import task


@task
def table(rows: list[list[int]]) -> str:
    return tabulate(rows, tablefmt="plain")
"""


@pytest.fixture(scope="module")
def variant(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A checkout with a task of its own that imports something, and the hub behind /ws."""
    checkout = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in tracked.rstrip("\0").split("\0"):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, checkout / name)
    (checkout / "worker/tasks/own.py").write_text(OWN_TASK)
    (checkout / "worker/tasks/requirements.txt").write_text("tabulate==0.9.0\n")
    for folder in (checkout, *checkout.parents):
        if folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o755)  # the containers' own accounts read it
    running = Stack(tmp_path_factory.mktemp("variant"), "hub", checkout, WEBSOCKET_SERVER="hub", WSIFY_KEY="")
    try:
        running.up("--build")
        yield running
    finally:
        running.remove()


def test_the_hub_serves_the_websocket_and_own_tasks_find_what_they_import(variant: Stack) -> None:
    assert "wsify" not in variant.compose("ps", "--services")
    with variant.operator() as client:
        rows = {"task": "table", "payload": {"rows": [[1, 2]]}}
        task = client.post("/api/tasks", json=rows, headers={"Prefer": "wait=20"}, timeout=30).json()
    assert (task["status"], task["result"].split()) == ("succeeded", ["1", "2"])
    with connect(f"{variant.url.replace('http', 'ws')}/ws", proxy=None) as socket:
        socket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": task["token"]}}))
        assert json.loads(socket.recv(timeout=10))["status"] == "succeeded"


@pytest.mark.parametrize(
    "name", ["POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "WSIFY_KEY"]
)
@pytest.mark.usefixtures("engine")
def test_an_empty_secret_is_refused_with_a_sentence(tmp_path: Path, name: str) -> None:
    said = Stack(tmp_path, "empty", **{name: ""}).refusal("config", "--quiet")
    assert f"put a {name} into .env, for instance from openssl rand -hex 32" in said
