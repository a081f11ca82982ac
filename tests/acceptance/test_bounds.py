"""Every bound of what may be enqueued, crossed by every door: each refuses, and nothing is there; at the bound each takes it."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.acceptance.load import API_KEYS, KEY
from tests.servers import Database

MIB = 2**20
DAYS = 86_400
JSON = {"Content-Type": "application/json"}


def levels(count: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(count - 1):
        made = {"a": made}
    return made


CROSSED: list[tuple[str, Any]] = [
    *(("task", name) for name in ("", "a b", "a/b", "é", "a\n", "x" * 129)),
    *(("queue", name) for name in ("", "a b", "a/b", "é", "a\n", "x" * 65)),
    ("priority", 101), ("priority", -101),
    *(("run_at", moment) for moment in ("infinity", "-infinity", "9999-01-01T00:00:00Z", "10000-01-01T00:00:00Z")),
    ("max_attempts", 0), ("max_attempts", -1), ("max_attempts", 101),
    ("timeout", 0), ("timeout", 0.5), ("timeout", -1), ("timeout", 8 * DAYS),
    ("idempotency_key", ""), ("idempotency_key", "x" * 201),
    ("payload", levels(65)), ("payload", [1]), ("payload", "text"), ("payload", 5), ("payload", {"x": "y" * MIB}),
]  # fmt: skip
KEPT: list[tuple[str, Any]] = [
    ("queue", "x"), ("queue", "A-z_0." + "x" * 58),
    ("priority", 100), ("priority", -100),
    ("run_at", "9998-12-31T23:59:59Z"),
    ("max_attempts", 1), ("max_attempts", 100),
    ("timeout", 1), ("timeout", 7 * DAYS),
    ("idempotency_key", "k"), ("idempotency_key", "x" * 200),
    ("payload", levels(64)), ("payload", {"x": "y" * (MIB - 200)}),
]  # fmt: skip


def by_enqueue(queue: Any, name: str, value: Any) -> None:
    """Enqueue by SQL, one task."""
    as_argument = {
        "payload": "%s::jsonb",
        "priority": "%s::integer",
        "run_at": "%s::timestamptz",
        "max_attempts": "%s::integer",
        "timeout": "make_interval(secs => %s)",
    }.get(name, "%s")
    task = "" if name == "task" else "task => 'echo', "
    given = Jsonb(value) if name == "payload" else value
    queue.sql.execute(f"select taskbell.enqueue({task}{name} => {as_argument})", [given])


def by_enqueue_many(queue: Any, name: str, value: Any) -> None:
    """Enqueue by SQL, a batch, of which the second is the one."""
    queue.sql.execute("select taskbell.enqueue_many(%s)", [Jsonb([{"task": "echo"}, {"task": "echo", name: value}])])


def post(http: httpx.Client, name: str, value: Any) -> httpx.Response:
    """Enqueue over HTTP, one task."""
    if name == "idempotency_key":
        return http.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": value})
    return http.post("/api/tasks", json={"task": "echo", name: value})


def post_batch(http: httpx.Client, name: str, value: Any) -> httpx.Response:
    """Enqueue over HTTP, a batch, of which the second is the one."""
    return http.post("/api/tasks/batch", json=[{"task": "echo"}, {"task": "echo", name: value}])


@pytest.fixture
def http(queue: Any, run_api: Callable[..., str], database: Database) -> Iterator[httpx.Client]:
    """An operator's client. No worker runs what is taken; one has only made `echo` known."""
    known = Jsonb([{"name": "echo", "schema": {}}])
    queue.sql.execute("select taskbell.register(gen_random_uuid(), 'gone', 1, '0', null, %s)", [known])
    base = run_api(database, API_KEYS=API_KEYS)
    with httpx.Client(base_url=base, trust_env=False, timeout=30, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


def test_every_bound_is_refused_alike_from_sql_and_http_and_changes_nothing(queue: Any, http: httpx.Client) -> None:
    for name, value in CROSSED:
        shown = (name, str(value)[:40])
        for enqueue in (by_enqueue, by_enqueue_many):
            with pytest.raises(psycopg.Error) as refused:
                enqueue(queue, name, value)
            assert refused.value.sqlstate == "TB005", (shown, enqueue, refused.value)
        for send in (post, post_batch):
            answer = send(http, name, value)
            expected = 413 if send is post and len(answer.request.content) > MIB else 422
            assert answer.status_code == expected, (shown, send, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
    for query in ("select taskbell.wait(gen_random_uuid(), '61 s')", "select taskbell.wait(gen_random_uuid(), '-1 s')"):
        with pytest.raises(psycopg.Error) as refused:
            queue.sql.execute(query)
        assert refused.value.sqlstate == "TB005", query
    assert queue.sql.execute("select count(*) from taskbell.tasks").fetchone() == (0,)


def test_what_is_just_within_every_bound_is_taken_by_every_door(queue: Any, http: httpx.Client) -> None:
    for name, value in KEPT:
        by_enqueue(queue, name, value)
        by_enqueue_many(queue, name, value)
        for send in (post, post_batch):
            answer = send(http, name, value)
            assert answer.status_code == 202, (name, str(value)[:40], answer.text)
    longest = queue.enqueue("x" * 128, queue="other")
    assert queue.get(longest)["task"] == "x" * 128
    queue.sql.execute("select taskbell.cancel(%s)", [longest])
    asked = http.get(f"/api/tasks/{longest}", headers={"Prefer": "wait=61"})
    assert (asked.status_code, asked.headers["preference-applied"]) == (200, "wait=60"), "more counts as the most"
    queue.sql.execute("select taskbell.wait(%s, '60 s')", [longest])


def test_a_body_that_is_too_big_is_refused_and_read_no_further(queue: Any, http: httpx.Client) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while sent < 64 * MIB:
            sent += MIB // 16
            yield b" " * (MIB // 16)

    for path, most in (("/api/tasks", 1), ("/api/tasks/batch", 16)):
        declared = http.post(path, content=b" " * (most * MIB + 1), headers=JSON)
        sent = 0
        undeclared = http.post(path, content=endless(), headers=JSON)
        for answer in (declared, undeclared):
            assert answer.status_code == 413, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        assert sent < (most + 24) * MIB, "what comes after the refusal is thrown away, and not for long"
    many = http.post("/api/tasks/batch", json=[{"task": "echo"}] * 10_001)
    assert many.status_code == 422
    assert "10000" in many.json()["detail"]
    assert queue.sql.execute("select count(*) from taskbell.tasks").fetchone() == (0,)
    most_of_all = http.post("/api/tasks/batch", json=[{"task": "echo"}] * 10_000)
    assert (most_of_all.status_code, len(most_of_all.json()["tasks"])) == (202, 10_000)
