"""Bad input at every door has its code and its sentence."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Site

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"task": null}',
        b'{"task": 5}',
        b'{"task": ""}',
        b'{"task": "a b"}',
        b'{"task": "echo", "payload": []}',
        b'{"task": "echo", "payload": null}',
        b'{"task": "echo", "payload": {"a": NaN}}',
        b'{"task": "echo", "payload": {"a": 1, "a": 2}}',
        b'{"task": "echo", "payload": {"a": "\\u0000"}}',
        b'{"task": "echo", "payload": {"\\u0000": 1}}',
        b'{"task": "echo", "payload": {"a": "\\ud800"}}',
        b'{"task": "echo", "payload": {"a": 1e400}}',
        b'{"task": "echo", "payload": {"a": ' + b"1" * 100_000 + b"}}",
        b'{"task": "echo", "payload": {"a": ' + b"[" * 64 + b"]" * 64 + b"}}",
        b'{"task": "echo", "payload": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"task": "echo", "queue": ""}',
        b'{"task": "echo", "queue": "a/b"}',
        b'{"task": "echo", "queue": "' + b"q" * 65 + b'"}',
        b'{"task": "echo", "priority": 101}',
        b'{"task": "echo", "priority": -101}',
        b'{"task": "echo", "priority": 1.5}',
        b'{"task": "echo", "priority": "high"}',
        b'{"task": "echo", "priority": 99999999999999999999}',
        b'{"task": "echo", "run_at": "soon"}',
        b'{"task": "echo", "run_at": "2030-01-01T00:00:00"}',
        b'{"task": "echo", "run_at": 5}',
        b'{"task": "echo", "run_at": "infinity"}',
        b'{"task": "echo", "run_at": "9999-01-01T00:00:00Z"}',
        b'{"task": "echo", "run_at": "0001-01-01T00:00:00+14:00"}',
        b'{"task": "echo", "max_attempts": 0}',
        b'{"task": "echo", "max_attempts": 101}',
        b'{"task": "echo", "timeout": 0.5}',
        b'{"task": "echo", "timeout": 604801}',
        b'{"task": "echo", "timeout": "1 hour"}',
        b'{"task": "echo", "extra": 1}',
        b'{"task": "nobody-knows-it"}',
        b'\xff{"task": "echo"}',
    ],
)
def test_bodies_that_do_not_fit_are_422(shop: httpx.Client, body: bytes) -> None:
    is_problem(shop.post("/api/tasks", content=body, headers=JSON), 422)
    is_problem(shop.post("/api/tasks/batch", content=b"[%b]" % (body or b"{"), headers=JSON), 422)


def test_sixty_three_levels_and_long_numbers_are_fine(shop: httpx.Client) -> None:
    deep = b'{"task": "echo", "payload": {"a": ' + b"[" * 63 + b"]" * 63 + b"}}"
    assert shop.post("/api/tasks", content=deep, headers=JSON).status_code == 202
    long = b'{"task": "echo", "payload": {"a": ' + b"1" * 4000 + b"}}"
    answer = shop.post("/api/tasks", content=long, headers=JSON)
    assert answer.status_code == 202
    assert answer.json()["payload"] == {"a": int("1" * 4000)}


@pytest.mark.parametrize(
    "content_type",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx",
     "application/json; charset=utf-16", "application/json-patch+json", "nonsense"],
)  # fmt: skip
def test_what_is_not_json_by_its_type_is_415(shop: httpx.Client, content_type: str | None) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    is_problem(shop.post("/api/tasks", content=b'{"task": "echo"}', headers=headers), 415)


def test_json_with_a_charset_is_json(shop: httpx.Client) -> None:
    headers = {"Content-Type": 'Application/JSON; Charset="UTF-8"'}
    assert shop.post("/api/tasks", content=b'{"task": "echo"}', headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nope", 404),
        ("GET", "/nope.html", 404),
        ("GET", "/.env", 404),
        ("GET", "/../.env", 404),
        ("GET", "/%2e%2e/.env", 404),
        ("GET", "/js/", 404),
        ("GET", "/a%00b", 404),
        ("GET", "/" + "a" * 5000, 404),
        ("GET", "/api/docs/../../app.py", 404),
        ("GET", "/api/docs/nope.js", 404),
        ("PUT", "/api/tasks", 405),
        ("DELETE", "/api/queues/default", 405),
        ("POST", "/index.html", 405),
        ("POST", "/", 405),
        ("POST", "/nope", 404),
        ("DELETE", "/a%00b", 404),
        ("GET", "/api/tasks?limit=0", 422),
        ("GET", "/api/tasks?limit=201", 422),
        ("GET", "/api/tasks?limit=many", 422),
        ("GET", "/api/tasks?status=odd", 422),
        ("GET", "/api/tasks?queue=a%00b", 422),
        ("GET", "/api/tasks?cursor=nonsense", 422),
        ("GET", "/api/tasks?cursor=%C3%A9", 422),
        ("GET", "/api/tasks/nonsense", 404),
        ("GET", "/api/tasks/%00", 404),
        ("GET", "/api/tasks/01a20a89-a644-726c-8b8e-c00a373ecaa0", 404),
        ("POST", "/api/tasks/01a20a89-a644-726c-8b8e-c00a373ecaa0/cancel", 404),
        ("POST", "/api/tasks/01a20a89-a644-726c-8b8e-c00a373ecaa0/retry", 404),
        ("GET", "/api/tasks/01a20a89-a644-726c-8b8e-c00a373ecaa0/events", 404),
        ("POST", "/api/queues/never-seen/pause", 404),
        ("POST", "/api/queues/a%20b/pause", 422),
        ("POST", "/api/queues/" + "q" * 65 + "/resume", 422),
    ],
)
def test_addresses(ops: httpx.Client, method: str, path: str, status: int) -> None:
    answer = ops.request(method, path)
    is_problem(answer, status)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "body",
    [
        {"concurrency": 0}, {"concurrency": 1001}, {"exclusive": "yes"}, {"timeout": 0}, {"max_depth": -1}, {"odd": 1},
        {"keep_failed": -1}, {"keep_succeeded": 1e300}, [], {"max_attempts": 101},
    ],
)  # fmt: skip
def test_queue_changes_that_do_not_fit(ops: httpx.Client, body: Any) -> None:
    is_problem(ops.patch("/api/queues/default", json=body), 422)


def test_queue_changes(ops: httpx.Client) -> None:
    change = {
        "exclusive": False, "concurrency": 5, "max_depth": 3, "max_attempts": 7, "timeout": 1.5,
        "keep_succeeded": 60, "keep_failed": 3600,
    }  # fmt: skip
    changed = ops.patch("/api/queues/changed", json=change)
    assert changed.status_code == 200
    assert {key: changed.json()[key] for key in change} == change
    same = ops.patch("/api/queues/changed", json={"exclusive": None}).json()
    assert {key: same[key] for key in change} == change
    assert ops.patch("/api/queues/changed", json={"max_depth": 0}).json()["max_depth"] is None
    assert ops.post("/api/queues/changed/pause").json()["paused"] is True
    assert ops.post("/api/queues/changed/resume").json()["paused"] is False
    assert "changed" in {queue["name"] for queue in ops.get("/api/queues").json()["queues"]}


def test_a_full_queue_is_429(ops: httpx.Client) -> None:
    ops.patch("/api/queues/full", json={"max_depth": 2}).raise_for_status()
    for _ in range(2):
        assert ops.post("/api/tasks", json={"task": "echo", "queue": "full"}).status_code == 202
    refused = ops.post("/api/tasks", json={"task": "echo", "queue": "full"})
    is_problem(refused, 429)
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["code"] == "TB006"
    is_problem(ops.post("/api/tasks/batch", json=[{"task": "echo", "queue": "full"}]), 429)


def test_cancel_reasons(ops: httpx.Client, shop: httpx.Client) -> None:
    task_id = shop.post("/api/tasks", json={"task": "echo"}).json()["id"]
    for reason in (5, "x" * 1001, "ä" * 1000, "a\0b"):
        is_problem(ops.post(f"/api/tasks/{task_id}/cancel", json={"reason": reason}), 422)
    assert ops.post(f"/api/tasks/{task_id}/cancel", json={}).status_code == 200


def test_answers_carry_security_headers_whatever_they_are(site: Site) -> None:
    with site.http() as client:
        for path in ("/", "/api/", "/api/nope", "/api/tasks", "/api/docs", "/metrics", "/nope"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert (
                "unsafe-inline" not in headers["content-security-policy"].partition("script-src")[2].partition(";")[0]
            )
            assert headers["x-frame-options"] == "DENY"
            assert headers["referrer-policy"] == "no-referrer"


def is_problem(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert len(problem["detail"]) > 10
