"""A client that enqueues a task every so often, whatever happens, and expects each result."""

import threading
import time
import uuid
from typing import Self

import httpx

from tests.compose.stack import Stack

PAUSE = 0.1  # seconds between two tasks
PATIENCE = 120.0  # seconds until what was accepted must have its result


class Trickle:
    """Enqueues while its `with` block runs; afterwards `missing()` says what got no or a wrong result."""

    def __init__(self, stack: Stack) -> None:
        self.accepted: dict[str, int] = {}
        self.refusals: list[str] = []  # tries that failed, and were repeated under their key
        self._stack = stack
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def wait_for(self, number: int) -> None:
        """Wait until that many more tasks were accepted."""
        wanted = len(self.accepted) + number
        deadline = time.monotonic() + PATIENCE
        while len(self.accepted) < wanted:
            assert time.monotonic() < deadline, (
                f"{len(self.accepted)} of {wanted} accepted, refused: {self.refusals[-3:]}"
            )
            self._over.wait(0.05)

    def missing(self) -> dict[str, object]:
        """Wait for all results; return those tasks that have none, or another's."""
        deadline = time.monotonic() + PATIENCE
        with self._stack.operator() as client:
            wrong: dict[str, object] = {}
            for id_, number in self.accepted.items():
                task = self._finished(client, id_, deadline)
                if task.get("status") != "succeeded" or task.get("result") != {"number": number}:
                    wrong[id_] = task
            return wrong

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            self._enqueue(number)
            number += 1
            self._over.wait(PAUSE)

    def _enqueue(self, number: int) -> None:
        body = {"task": "echo", "payload": {"number": number}}
        deadline = time.monotonic() + PATIENCE
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        while time.monotonic() < deadline:
            try:
                with self._stack.operator() as client:  # a new connection each time: no broken one is used twice
                    answer = client.post("/api/tasks", json=body, headers=headers, timeout=4)
                if answer.status_code in {200, 202}:
                    self.accepted[answer.json()["id"]] = number
                    return
                self.refusals.append(f"{answer.status_code} {answer.text}")
            except httpx.TransportError as error:
                self.refusals.append(repr(error))
            self._over.wait(0.3)

    def _finished(self, client: httpx.Client, id_: str, deadline: float) -> dict[str, object]:
        task: dict[str, object] = {}
        while task.get("status") not in {"succeeded", "failed", "cancelled"} and time.monotonic() < deadline:
            try:
                answer = client.get(f"/api/tasks/{id_}", headers={"Prefer": "wait=10"}, timeout=15)
                task = answer.json() if answer.status_code == 200 else {}
            except httpx.TransportError:
                continue
        return task
