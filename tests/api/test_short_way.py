"""POST /api/tasks goes a short way past the framework: it must answer as the long way does, which a prefix still takes."""

import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from api.headers import header
from api.live.hub import websocket_route
from api.routes.new_task import create_task
from api.short_way import ShortWays
from db import embedded
from tests.api.conftest import API_KEYS, KEYS, PUBLIC_TASKS, Site
from tests.servers import SECRET

JSON = {"Content-Type": "application/json"}
SHOP = {"Authorization": f"Bearer {KEYS['shop'][1]}"}
EYES = {"Authorization": f"Bearer {KEYS['eyes'][1]}"}
TASK = b'{"task": "echo", "payload": {"n": 1}}'
REQUESTS: list[tuple[str, dict[str, str], bytes]] = [
    ("a producer's", JSON | SHOP, TASK),
    ("anybody's", JSON, TASK),
    ("waiting", JSON | SHOP | {"Prefer": "wait=0"}, TASK),
    ("with a key of idempotency that is too long", JSON | SHOP | {"Idempotency-Key": "x" * 300}, TASK),
    ("a wrong key", JSON | {"Authorization": "Bearer nobody"}, TASK),
    ("no bearer", JSON | {"Authorization": "Basic eDp5"}, TASK),
    ("a reader's", JSON | EYES, TASK),
    ("not JSON by its type", {"Content-Type": "text/plain"}, TASK),
    ("no type", {}, TASK),
    ("not JSON", JSON | SHOP, b"{"),
    ("an unknown key", JSON | SHOP, b'{"task": "echo", "colour": 1}'),
    ("an unknown task", JSON | SHOP, b'{"task": "nobody"}'),
    ("too large", JSON | SHOP, b" " * (2**20 + 1)),
    ("empty", JSON | SHOP, b""),
    ("a foreign host", JSON | SHOP | {"Host": "evil.example"}, TASK),
    ("an allowed page's", JSON | SHOP | {"Origin": "https://shop.example"}, TASK),
    ("another page's", JSON | SHOP | {"Origin": "https://evil.example"}, TASK),
]
OF_ITS_OWN = {"date", "location", "content-length"}


@pytest.fixture(scope="module")
def two_ways(site: Site) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """The same API twice; the second believes that it stands under a prefix."""
    env = {
        "ENVIRONMENT": "development",
        "DATABASE_URL": site.database.url,
        "SECRET_KEY": SECRET,
        "API_KEYS": API_KEYS,
        "PUBLIC_TASKS": PUBLIC_TASKS,
        "ALLOWED_ORIGINS": "https://shop.example",
    }
    clients = []
    for prefix in ("", "/prefix"):
        port = embedded.free_port()
        command = [sys.executable, "-m", "uvicorn", "api.app:app", "--port", str(port), "--root-path", prefix]
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30)
        process = site.processes.start("api", command, **env)
        process.wait_until(lambda client=client: _answers(client))  # type: ignore[misc]  # mypy can't infer a lambda's default
        clients.append(client)
    yield clients[0], clients[1]
    for client in clients:
        client.close()


@pytest.mark.parametrize(("headers", "body"), [row[1:] for row in REQUESTS], ids=[row[0] for row in REQUESTS])
def test_both_ways_answer_alike(
    two_ways: tuple[httpx.Client, httpx.Client], headers: dict[str, str], body: bytes
) -> None:
    short, long = (_shape(client.post("/api/tasks", headers=headers, content=body)) for client in two_ways)
    assert short == long


def test_both_ways_are_counted_as_one_route(two_ways: tuple[httpx.Client, httpx.Client]) -> None:
    for client in two_ways:
        client.post("/api/tasks", headers=JSON | SHOP, content=TASK)
        assert (
            'taskbell_http_requests_total{method="POST",route="/api/tasks",status="202"}' in client.get("/metrics").text
        )


def test_the_short_ways_are_for_their_routes_alone() -> None:
    ways = ShortWays(create_task, [], websocket_route, [])
    post = {"type": "http", "method": "POST", "path": "/api/tasks"}
    join = {"type": "websocket", "path": "/ws"}
    assert len({ways.find(post), ways.find(join), None}) == 3
    others = [{"method": "GET"}, {"path": "/api/tasks/"}, {"path": "/prefix/api/tasks"}, {"type": "websocket"}]
    assert {ways.find(post | other) for other in others} == {None}
    assert {ways.find(join | other) for other in ({"path": "/ws/"}, {"type": "http", "method": "GET"})} == {None}
    assert ways.find({"type": "lifespan"}) is None


def test_of_several_headers_with_one_name_the_first_counts() -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [(b"host", b"one"), (b"host", b"two"), (b"x", b"\xe9")]}
    assert (header(scope, b"host"), header(scope, b"x"), header(scope, b"origin")) == ("one", "é", None)


def _shape(answer: httpx.Response) -> tuple[int, list[tuple[str, str]], Any]:
    """What must be the same, whichever task it is about."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in OF_ITS_OWN)
    body = answer.json()
    if answer.status_code < 300:
        body = {
            name: type(value) if name in {"id", "token", "run_at", "created_at"} else value
            for name, value in body.items()
        }
    return answer.status_code, headers, body


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/healthz").status_code == 200
    except httpx.TransportError:
        return False
