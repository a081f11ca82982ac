"""Drives tasks through the worker's own SQL functions, so that a test decides when what happens."""

import json
import uuid
from typing import Any, NamedTuple

import httpx
from psycopg.types.json import Jsonb

from db import tokens
from db.settings import Settings
from db.settings_parts import parse_list
from tests.servers import SECRET, Database

QUEUE = "driven"


class Driven(NamedTuple):
    id: str
    token: str


class Driver:
    """A worker without a mind of its own."""

    def __init__(self, database: Database) -> None:
        self.sql = database.connect()
        self._worker = uuid.uuid4()
        self._claims: dict[str, uuid.UUID] = {}
        types = Jsonb([{"name": "driven", "schema": {}}])
        self.sql.execute("select taskbell.register(%s, 'driver', 1, '0', null, %s)", [self._worker, types])
        self.sql.execute("select taskbell.configure(%s, exclusive => false, concurrency => 1000)", [QUEUE])

    def enqueue(self, count: int = 1, payload: str = "{}") -> list[Driven]:
        tasks = [{"task": "driven", "queue": QUEUE, "payload": json.loads(payload)}] * count
        if count == 1:
            rows = self.sql.execute("select taskbell.enqueue('driven', %s::text::jsonb, %s)", [payload, QUEUE])
        else:
            rows = self.sql.execute("select id from taskbell.enqueue_many(%s)", [Jsonb(tasks)])
        return [Driven(str(row[0]), token(str(row[0]))) for row in rows]

    def claim(self) -> list[str]:
        """Claim all that is due; return their ids."""
        claimed: list[str] = []
        query = "select id, token from taskbell.claim(%s, %s, '{driven}', 1000)"
        while rows := self.sql.execute(query, [self._worker, QUEUE]).fetchall():
            self._claims |= {str(id_): claim for id_, claim in rows}
            claimed += [str(id_) for id_, _ in rows]
        return claimed

    def complete(self, ids: list[str], results: str | None = None) -> None:
        """Complete claimed tasks, each with its own number as the result, or all with the one given as JSON text."""
        each = results or json.dumps(list(range(len(ids))))
        claims = [self._claims[id_] for id_ in ids]
        refused = self.sql.execute(
            "select * from taskbell.complete(%s::uuid[], %s, %s, %s::text::jsonb)",
            [ids, claims, [0.0] * len(ids), each],
        ).fetchall()
        assert refused == []

    def finish(self, results: str | None = None) -> list[str]:
        """Claim and complete all that is due."""
        ids = self.claim()
        self.complete(ids, results)
        return ids

    def progress(self, id_: str, fraction: float, note: str | None = None) -> None:
        item = {"id": id_, "token": str(self._claims[id_]), "age": 0.1, "fraction": fraction, "note": note}
        assert self.sql.execute("select * from taskbell.progress(%s)", [Jsonb([item])]).fetchall() == []


def token(task_id: str, scope: Any = "owner") -> str:
    """Return the token that the API signs under the tests' SECRET_KEY."""
    key = Settings.model_construct(secret_key=tuple(parse_list(SECRET))).derive_key("task token")[0]
    return tokens._token(key, task_id, scope)


def read(base: str, task: Driven) -> dict[str, Any]:
    """GET the task with its token."""
    headers = {"X-Task-Token": task.token}
    answer = httpx.get(f"{base}/api/tasks/{task.id}", headers=headers, trust_env=False)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
