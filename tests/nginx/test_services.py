"""The real API, worker and admin behind a real nginx."""

import gzip
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.sync.client import connect

from tests.nginx.conftest import Router
from tests.servers import Database, Process

INNER = ["/metrics", "/api/ws/authorize", "/api//ws/authorize", "/api/ws/%61uthorize", "/api/./ws/authorize"]
INNER += ["/api%2Fws%2Fauthorize", "/api/x/../ws/authorize", "/api/../metrics", "/metrics/", "/%6Detrics", "//metrics"]


@pytest.fixture
def services(
    database: Database,
    redis_url: str,
    run_api: Callable[..., str],
    run_worker: Callable[..., Process],
    run_router: Callable[..., Router],
) -> Router:
    run_worker(database, redis_url)
    return run_router(API=urlsplit(run_api(database, redis_url)).netloc)


@pytest.fixture
def api_alone(database: Database, run_api: Callable[..., str], run_router: Callable[..., Router]) -> Router:
    return run_router(API=urlsplit(run_api(database)).netloc)


def test_inner_routes_are_closed_however_they_are_written(api_alone: Router) -> None:
    for path in INNER:
        request = urllib.request.Request(api_alone.url + path, data=b'{"command":"join","args":{}}')  # sent as it is
        with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):
            pass
        refused.value.close()
        assert refused.value.code in {404, 405}, path
        assert api_alone.logged(path)["upstream"] == "", path  # the API was not even asked


@pytest.mark.parametrize("head", ["GET /api/readyz HTTP/1.0", "GET /api/readyz HTTP/1.1\r\nHost: 10.0.0.7"])
def test_a_balancer_asks_without_our_name(api_alone: Router, head: str) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(api_alone.url).port or 0), timeout=10) as connection:
        connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")


def test_the_documentation_comes_compressed(api_alone: Router) -> None:
    request = urllib.request.Request(f"{api_alone.url}/api/docs/swagger-ui.css", headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert b".swagger-ui" in gzip.decompress(answer.read())


def test_no_header_is_sent_twice(api_alone: Router) -> None:
    for path in ("/", "/api/", "/api/docs", "/api/nothing"):
        headers = httpx.get(api_alone.url + path, trust_env=False).headers
        names = [name for name, _ in headers.multi_items() if name not in {"vary", "set-cookie"}]
        assert sorted(names) == sorted(set(names)), path


def test_a_task_goes_in_by_the_short_door_and_comes_back_over_the_websocket(services: Router) -> None:
    task = httpx.get(f"{services.url}/api/new_task/?task=wordcount&text=a+b+b", trust_env=False).json()
    with connect(f"{services.url.replace('http', 'ws')}/ws", proxy=None) as socket:
        socket.send(json.dumps({"command": "join", "args": {"channel": task["id"], "token": task["token"]}}))
        message = json.loads(socket.recv(timeout=10))
        while message["status"] != "succeeded":
            message = json.loads(socket.recv(timeout=10))
    assert message["result"]["words"] == 3
    assert [services.logged(path)["status"] for path in ("/api/new_task/", "/ws")] == [202, 101]
    assert task["token"] not in services.access_log()


def test_events_are_not_kept_back(services: Router) -> None:
    body = {"task": "sleep", "payload": {"seconds": 1.5}}
    task = httpx.post(f"{services.url}/api/tasks", json=body, trust_env=False).json()
    seen: dict[str, float] = {}
    headers = {"X-Task-Token": task["token"]}
    with httpx.stream("GET", f"{services.url}/api/tasks/{task['id']}/events", headers=headers, timeout=20) as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                status = json.loads(line.removeprefix("data:"))["status"]
                seen.setdefault(status, time.monotonic())
    assert seen["succeeded"] - seen["running"] > 0.7


def test_waiting_for_a_result_is_not_cut_short(services: Router) -> None:
    body = {"task": "sleep", "payload": {"seconds": 3}}
    wait = {"Prefer": "wait=60"}
    answer = httpx.post(f"{services.url}/api/tasks", json=body, headers=wait, timeout=70, trust_env=False)
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")


def test_a_batch_may_be_bigger_than_a_task(api_alone: Router) -> None:
    big = [{"task": "echo", "payload": {"text": "x" * 500_000}} for _ in range(4)]
    assert httpx.post(f"{api_alone.url}/api/tasks", json=big, trust_env=False).status_code == 413
    batch = httpx.post(f"{api_alone.url}/api/tasks/batch", json=big, trust_env=False)
    assert batch.status_code in {202, 401, 403, 422}  # the API has read it


def test_the_admin_answers_on_both_ports(
    database: Database, run_admin: Callable[..., str], run_router: Callable[..., Router]
) -> None:
    router = run_router(ADMIN=urlsplit(run_admin(database)).netloc)
    for base in (router.url, router.admin_url):
        assert httpx.get(f"{base}/admin", trust_env=False).headers["Location"] == "/admin/"
        form = httpx.get(f"{base}/admin/", follow_redirects=True, trust_env=False)
        assert form.status_code == 200
        assert "csrfmiddlewaretoken" in form.text
        names = [name for name, _ in form.headers.multi_items() if name not in {"vary", "set-cookie"}]
        assert sorted(names) == sorted(set(names))
