"""What the tests of a database in trouble share: a client, and what processes say."""

import time

import httpx

from tests.acceptance.load import KEY
from tests.servers import Process

TASKS = {"TASK_MODULES": "tests.worker.sample_tasks", "ENVIRONMENT": "production"}


def client(base: str) -> httpx.Client:
    return httpx.Client(base_url=base, trust_env=False, timeout=20, headers={"Authorization": f"Bearer {KEY}"})


def until_it_works(base: str, seconds: float = 30) -> None:
    """Send tasks until one comes back done."""
    deadline = time.monotonic() + seconds
    with client(base) as http:
        while True:
            answer = http.post("/api/tasks", json={"task": "echo"}, headers={"Prefer": "wait=10"})
            if answer.status_code == 200 and answer.json()["status"] == "succeeded":
                return
            assert answer.status_code in (202, 503), answer.text
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.1)


def complaints(process: Process) -> list[str]:
    """Return the lines in which a process said what is wrong."""
    lines = process.log().splitlines()
    assert not any(line.startswith("Traceback") for line in lines), process.log()
    return [line for line in lines if " ERROR " in line or " WARNING " in line or " CRITICAL " in line]
