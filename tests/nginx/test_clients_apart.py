"""Each limit is one client's own: who overdoes it is held back, and nobody else is."""

import re
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import httpx
import pytest

from tests.nginx.conftest import Router

HERE, NEIGHBOUR = "127.0.0.1", "127.0.0.2"
PROXY = "127.0.0.0/8"
KEY = {"Authorization": "Bearer shop"}
PACES = [  # method, path, headers, how many at once
    ("POST", "/api/tasks", {}, 40),
    ("POST", "/api/tasks/batch", {}, 40),
    ("GET", "/api/new_task/?text=a", {}, 40),
    ("POST", "/admin/login/", {}, 10),
    ("GET", "/api/", {}, 300),
]
FLOOD = 900  # requests in one go; nginx closes a connection after 1,000
ROOMS = [  # request line, headers, how many may be under way
    ("GET /api/tasks", KEY, 400),
    ("GET /api/tasks/x/events", KEY, 400),
    ("POST /api/tasks/batch", KEY, 400),
    ("GET /api/new_task/", KEY, 400),
    ("GET /admin/", {}, 400),
    ("GET /ws", {}, 200),
    ("POST /api/tasks", {}, 32),
    ("POST /api/tasks/batch", {}, 32),
    ("POST /api/new_task/", {}, 32),
    ("POST /api/tasks/x/cancel", {}, 32),
    ("POST /admin/x/", {}, 10),
]


def ask(router: Router, method: str, path: str, number: int = 1, *, address: str = HERE, **headers: str) -> list[int]:
    transport = httpx.HTTPTransport(local_address=address)
    with httpx.Client(base_url=router.url, transport=transport, trust_env=False) as client:
        return [client.request(method, path, headers=headers).status_code for _ in range(number)]


@pytest.mark.parametrize(("method", "path", "headers", "burst"), PACES)
def test_a_hasty_client_holds_back_itself_alone(
    run_router: Callable[..., Router], method: str, path: str, headers: dict[str, str], burst: int
) -> None:
    router = run_router(TRUSTED_PROXIES=PROXY)
    hasty, other = {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.10"}
    seen = []
    while 429 not in seen:
        seen += ask(router, method, path, burst, **headers, **hasty)
        assert len(seen) < 8 * burst, "nothing holds it back"
    assert ask(router, method, path, **headers, **other) == [503]  # nobody is behind nginx: it was let through


def test_a_flood_is_dammed_even_with_a_key(run_router: Callable[..., Router]) -> None:
    router = run_router(TRUSTED_PROXIES=PROXY)
    flooding, other = ({"X-Forwarded-For": f"203.0.113.{number}"} | KEY for number in (9, 10))
    for _ in range(20):
        statuses = at_once(router, [flooding] * FLOOD + [other] * 50)
        if statuses[FLOOD - 1] == 429:
            break
    assert statuses[FLOOD - 1] == 429
    assert set(statuses[FLOOD:]) == {404}  # microseconds later


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at all of 127.0.0.0/8")
def test_without_a_trusted_proxy_the_connection_tells_the_client(run_router: Callable[..., Router]) -> None:
    router = run_router()
    claims = [ask(router, "POST", "/admin/login/", **{"X-Forwarded-For": f"203.0.113.{n}"})[0] for n in range(20)]
    assert 429 in claims  # another claim makes nobody another client
    assert ask(router, "POST", "/admin/login/", address=NEIGHBOUR) == [503]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A service that takes every request and answers none."""
    with socket.create_server((HERE, 0), backlog=1024) as listener:
        listener.settimeout(10)
        yield listener


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers at all of 127.0.0.0/8")
@pytest.mark.parametrize(("request_line", "headers", "room"), ROOMS)
def test_one_client_holds_only_so_many_requests_open(
    run_router: Callable[..., Router], silent: socket.socket, request_line: str, headers: dict[str, str], room: int
) -> None:
    there = f"{HERE}:{silent.getsockname()[1]}"
    router = run_router(API=there, ADMIN=there)
    with ExitStack() as held:
        for _ in range(room):
            held.enter_context(closing(send(router, request_line, headers)))
            held.enter_context(closing(silent.accept()[0]))
        refused = held.enter_context(closing(send(router, request_line, headers)))
        assert refused.recv(100).startswith(b"HTTP/1.1 429 ")
        held.enter_context(closing(send(router, request_line, headers, address=NEIGHBOUR)))
        held.enter_context(closing(silent.accept()[0]))  # somebody else's came through


def send(router: Router, request_line: str, headers: dict[str, str], address: str = HERE) -> socket.socket:
    connection = socket.create_connection(
        (HERE, urlsplit(router.url).port or 0), timeout=10, source_address=(address, 0)
    )
    connection.sendall(written(request_line, headers))
    return connection


def at_once(router: Router, headers: list[dict[str, str]]) -> list[int]:
    """Send a request with each of these headers without waiting for an answer; return what all were answered."""
    headers[-1] = headers[-1] | {"Connection": "close"}
    with closing(socket.create_connection((HERE, urlsplit(router.url).port or 0), timeout=10)) as connection:
        connection.sendall(b"".join(written("HEAD /nothing", each) for each in headers))
        answers = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    return [int(status) for status in re.findall(rb"^HTTP/1.1 (\d+) ", answers, re.MULTILINE)]


def written(request_line: str, headers: dict[str, str]) -> bytes:
    said = {"Host": "localhost", "Content-Length": "0"} | headers
    return "\r\n".join([f"{request_line} HTTP/1.1", *(f"{name}: {said[name]}" for name in said), "", ""]).encode()
