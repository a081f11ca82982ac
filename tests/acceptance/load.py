"""Clients that go on enqueueing through trouble: each task under a key of its own, tried again until it is acknowledged."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import httpx
import psycopg

KEY = "the-key-of-the-load"
API_KEYS = f"load:operator:{sha256(KEY.encode()).hexdigest()}"
QUEUES = ("default", "shared")  # by turns: an exclusive one, and one that is not
PAUSE = 0.03  # seconds between tasks: a load that leaves two cores room to start processes beside it
AGAIN = 0.05  # seconds between tries


class Send(Protocol):
    """Enqueues the task of that number; returns its id."""

    def __call__(self, n: int) -> str: ...

    def close(self) -> None: ...


class Load:
    """One client. `acknowledged`: the id of each task by its number."""

    def __init__(self, send: Send, pause: float = PAUSE) -> None:
        self.acknowledged: dict[int, str] = {}
        self.refused = 0
        self.last_refusal = ""
        self._send = send
        self._pause = pause
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        for n in count():
            while n not in self.acknowledged and not self._ending.is_set():
                try:
                    self.acknowledged[n] = self._send(n)
                except (psycopg.Error, httpx.HTTPError) as error:
                    self.refused += 1
                    self.last_refusal = f"{type(error).__name__}: {error}"
                    time.sleep(AGAIN)
            if self._ending.wait(self._pause):
                return

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Enqueue for as long as this lasts."""
        self._thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            self._thread.join()
            self._send.close()

    def reach(self, more: int, seconds: float = 60) -> None:
        """Wait until so many more tasks were acknowledged."""
        goal, deadline = len(self.acknowledged) + more, time.monotonic() + seconds
        while len(self.acknowledged) < goal:
            assert self._thread.is_alive(), "the client itself failed"
            assert time.monotonic() < deadline, (
                f"{len(self.acknowledged)} of {goal} tasks acknowledged within {seconds} s; {self.refused} tries were refused, "
                f"the last one by {self.last_refusal or 'nobody'}"
            )
            time.sleep(0.01)


class OverHttp:
    """Sends to the APIs of `bases` by turns; the list may change meanwhile."""

    def __init__(self, bases: list[str], record: Path) -> None:
        self._bases = bases
        self._record = record
        self._http = httpx.Client(trust_env=False, timeout=10, headers={"Authorization": f"Bearer {KEY}"})
        self._turns = count()

    def __call__(self, n: int) -> str:
        bases = list(self._bases)  # at once: between its length and a look into it, it may have become shorter
        base = bases[next(self._turns) % len(bases)]
        body = {"task": "record", "queue": QUEUES[n % 2], "payload": {"path": str(self._record), "n": n}}
        answer = self._http.post(f"{base}/api/tasks", json=body, headers={"Idempotency-Key": f"load-{n}"})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def close(self) -> None:
        self._http.close()


class OverSql:
    """Sends as an application does that has its own connection: made anew when it broke."""

    def __init__(self, url: str, record: Path) -> None:
        self._url = url
        self._record = record
        self._connection: psycopg.Connection[Any] | None = None

    def __call__(self, n: int) -> str:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True, connect_timeout=2)
        row = self._connection.execute(
            "select taskbell.enqueue('record', %s::jsonb, queue => %s, idempotency_key => %s)",
            [json.dumps({"path": str(self._record), "n": n}), QUEUES[n % 2], f"sql-{n}"],
        ).fetchone()
        assert row
        return str(row[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def outcome(url: str, load: Load, seconds: float = 60) -> dict[int, tuple[str, int]]:
    """Wait until nothing is queued or running; return status and attempt of every acknowledged task; each must exist."""
    deadline = time.monotonic() + seconds
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            rows = connection.execute("select id::text, status::text, attempt from taskbell.tasks").fetchall()
            if all(status not in ("queued", "running") for _, status, _ in rows):
                break
            assert time.monotonic() < deadline, (
                f"unfinished: {[row for row in rows if row[1] in ('queued', 'running')][:5]}"
            )
            time.sleep(0.1)
    found = {id_: (status, attempt) for id_, status, attempt in rows}
    return {n: found[id_] for n, id_ in load.acknowledged.items()}
