"""A worker driven by hand: the real SQL functions, one call at a time, and a clock that tests move."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import namedtuple_row

TASKS = ["echo", "other"]


class Hand:
    """Calls taskbell's worker functions as one worker; `claims` remembers what it has claimed and not ended."""

    def __init__(
        self, connection: psycopg.Connection[Any], queues: list[str] | None = None, tasks: list[str] | None = None
    ) -> None:
        self.connection = connection
        self.connection.row_factory = namedtuple_row
        self.id = uuid4()
        self.tasks = TASKS if tasks is None else tasks
        self.claims: dict[UUID, UUID] = {}
        types = json.dumps([{"name": name, "schema": {}} for name in self.tasks])
        self.call("register(%s, %s, 1, 'test', %s, %s)", self.id, f"hand-{str(self.id)[:4]}", queues, types)

    def call(self, call: str, *arguments: object) -> list[Any]:
        """Return the rows of one function call."""
        return self.connection.execute(f"select * from taskbell.{call}", arguments).fetchall()  # type: ignore[arg-type]  # SQL made here

    def beat(self, *queues: str) -> dict[str, Any]:
        """Renew worker, leases, and the holder rows of `queues`."""
        answer: dict[str, Any] = self.call("heartbeat(%s, %s, true, 'redis')", self.id, list(queues))[0][0]
        return answer

    def hold(self, queue: str = "default") -> bool:
        """Try to become the queue's holder."""
        return bool(self.call("hold(%s, %s)", self.id, queue)[0][0])

    def poll(
        self, named: Sequence[str] = (), since: float | None = None, walk_after: str | None = ""
    ) -> dict[str, Any]:
        """Ask what there is to do; return the row of each queue."""
        rows = self.call("poll(%s, %s::text[], %s, %s)", self.id, list(named), since, walk_after)
        return {row.queue: row for row in rows}

    def claim(self, batch: int = 10, queue: str = "default", mark: tuple[int, Any, UUID] | None = None) -> list[Any]:
        """Claim; remember the tokens."""
        rows = self.call(
            "claim(%s, %s, %s, %s, %s, %s, %s)", self.id, queue, self.tasks, batch, *(mark or (None, None, None))
        )
        self.claims |= {row.id: row.token for row in rows}
        return rows

    def complete(self, *ids: UUID, result: object = None) -> list[tuple[UUID, str]]:
        """Complete with the tokens remembered; return what was refused."""
        tokens = [self.claims.get(task_id) or uuid4() for task_id in ids]
        results = json.dumps([result] * len(ids))
        rows = self.call("complete(%s, %s, %s, %s)", list(ids), tokens, [0.0] * len(ids), results)
        return [(row.id, row.refusal) for row in rows]

    def fail(
        self, task_id: UUID, outcome: str = "retry", after: float | None = None, message: str = "no luck"
    ) -> list[tuple[UUID, str]]:
        """Report a failed attempt; return what was refused."""
        failure = {
            "id": str(task_id),
            "token": str(self.claims[task_id]),
            "age": 0.0,
            "outcome": outcome,
            "error": {"type": "ValueError", "message": message},
            "traceback": "Traceback: here",
            "after": after,
        }
        return [(row.id, row.refusal) for row in self.call("fail(%s)", json.dumps([failure]))]

    def progress(self, task_id: UUID, fraction: float | None = None, note: str | None = None) -> list[tuple[UUID, str]]:
        """Report progress; return what was refused."""
        item = {"id": str(task_id), "token": str(self.claims[task_id]), "age": 0.0, "fraction": fraction, "note": note}
        return [(row.id, row.refusal) for row in self.call("progress(%s)", json.dumps([item]))]

    def release(self, *ids: UUID, begun: bool = False) -> list[tuple[UUID, str]]:
        """Give claims back; return what was refused."""
        tokens = [self.claims[task_id] for task_id in ids]
        return [(row.id, row.refusal) for row in self.call("release(%s, %s, %s)", list(ids), tokens, begun)]


class Clock:
    """Replaces `taskbell.now()` in one test's own database."""

    def __init__(self, superuser: psycopg.Connection[Any]) -> None:
        self._superuser = superuser
        self._ahead = 0.0

    def move(self, seconds: float) -> None:
        """Move the database's clock on by so many seconds."""
        self._ahead += seconds
        self._superuser.execute(
            "create or replace function taskbell.now() returns timestamptz language sql stable "
            f"return statement_timestamp() + interval '{self._ahead} seconds'"
        )


def enqueue(connection: psycopg.Connection[Any], task: str = "echo", payload: object = None, **options: object) -> UUID:
    """Enqueue by the SQL function with named arguments; return the id."""
    names = "".join(f", {name} => %({name})s" for name in options)
    query = f"select taskbell.enqueue(%(task)s, %(payload)s{names})"
    row = connection.execute(query, {"task": task, "payload": json.dumps(payload or {}), **options}).fetchone()  # type: ignore[arg-type]  # SQL made here
    assert row is not None
    return UUID(str(row[0]))


def get(connection: psycopg.Connection[Any], task_id: UUID) -> dict[str, Any]:
    """Return the task as JSON."""
    row = connection.execute("select taskbell.get(%s)", [task_id]).fetchone()
    assert row is not None
    task: dict[str, Any] = row[0]
    return task
