"""How long nginx waits, as the files that it runs with say; what it refuses in which words; what its log keeps."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from api.prefer import MAX_WAIT
from tests.nginx.conftest import Router

TOKEN = re.compile(r'\s+|#[^\n]*|"((?:\\.|[^"\\])*)"|\'([^\']*)\'|([;{}])|((?:\\.|[^\s;{}"\'])+)')
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
Block = list[tuple[list[str], "Block"]]  # each directive's words, and what stands in its braces


def read(path: Path) -> Block:
    """Parse a configuration, its included files in their places."""

    def block() -> Block:
        found: Block = []
        words: list[str] = []
        for quoted, single, mark, plain in tokens:
            if mark == "}":
                break
            if mark == ";" and words[0] == "include":
                included = Path(words[1])
                found.extend(read(included if included.is_absolute() else path.parent / included))
            elif mark:
                found.append((words, block() if mark == "{" else []))
            if mark:
                words = []
            else:
                words += [word for word in (quoted, single, plain) if word is not None]
        return found

    tokens = iter([match.groups() for match in TOKEN.finditer(path.read_text())])
    return block()


def values(block: Block, directive: str, around: str = "") -> Iterator[tuple[list[str], str]]:
    """Yield each location's words with the value that counts there; servers and `http` stand as themselves."""
    here = next((words[1] for words, _ in block if words[0] == directive), around)
    for words, inside in block:
        if words[0] in {"http", "server", "location"}:
            yield words, next((said[1] for said, _ in inside if said[0] == directive), here)
            yield from values(inside, directive, here)


def seconds(value: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(ms|[smhd]?)", value).groups()  # type: ignore[union-attr]  # no match fails the test
    return int(number) * UNITS[unit or "s"]


@pytest.fixture
def router(run_router: Callable[..., Router]) -> Router:
    return run_router()


@pytest.fixture
def configuration(router: Router, tmp_path: Path) -> Block:
    return read(tmp_path / "nginx/conf/nginx.conf")


def test_the_longest_wait_fits_into_every_timeout(configuration: Block) -> None:
    waits = {" ".join(words): seconds(value) for words, value in values(configuration, "proxy_read_timeout") if value}
    api = {place: value for place, value in waits.items() if "/api" in place}
    assert {"location ^~ /api/", "location = /api/tasks", "location ~ ^/api/tasks/[^/]+/events$"} <= set(api)
    assert min(api.values()) > MAX_WAIT + 5, api
    [(_, shutdown)] = [(words, words[1]) for words, _ in configuration if words[0] == "worker_shutdown_timeout"]
    assert seconds(shutdown) > MAX_WAIT + 5  # a reload cuts no wait


def test_a_quiet_websocket_is_left_alone(configuration: Block) -> None:
    for directive in ("proxy_read_timeout", "proxy_send_timeout"):
        [value] = [value for words, value in values(configuration, directive) if words == ["location", "=", "/ws"]]
        assert seconds(value) >= UNITS["h"], directive


def test_images_are_kept_for_a_day(router: Router) -> None:
    image = httpx.get(f"{router.url}/favicon.svg", trust_env=False)
    assert image.headers["Cache-Control"] == "max-age=86400"
    assert image.headers["X-Content-Type-Options"] == "nosniff"


def say(router: Router, request: str) -> tuple[int, dict[str, object]]:
    with closing(socket.create_connection(("127.0.0.1", urlsplit(router.url).port or 0), timeout=10)) as connection:
        connection.sendall(request.encode())
        connection.shutdown(socket.SHUT_WR)
        head, _, body = b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode().partition("\r\n\r\n")
    assert "content-type: application/problem+json" in head.lower(), head
    assert "frame-ancestors 'none'" in head
    return int(head.split()[1]), dict(json.loads(body))


@pytest.mark.parametrize(
    ("request_", "status", "title"),
    [
        ("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "Bad Request"),
        ("GET /../../x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 400, "Bad Request"),
        ("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 405, "Method Not Allowed"),
        (f"GET /api/?{'x' * 20_000} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 414, "URI Too Long"),
        (f"GET /api/ HTTP/1.1\r\nHost: a\r\nX: {'x' * 20_000}\r\n\r\n", 431, "Request Header Fields Too Large"),
        ("GET /js/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "Not Found"),
        ("GET /.problem HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404, "Not Found"),
    ],
)
def test_every_refusal_is_a_problem(router: Router, request_: str, status: int, title: str) -> None:
    said, problem = say(router, request_)
    assert (said, problem["status"], problem["title"]) == (status, status, title)


def test_transport_security_is_asked_for_behind_tls_alone(run_router: Callable[..., Router]) -> None:
    router = run_router(TRUSTED_PROXIES="127.0.0.0/8")
    for path in ("/", "/js/taskbell.js", "/nothing", "/api/"):
        tls = httpx.get(f"{router.url}{path}", headers={"X-Forwarded-Proto": "https"}, trust_env=False)
        assert tls.headers["Strict-Transport-Security"] == "max-age=31536000", path
        assert "Strict-Transport-Security" not in httpx.get(f"{router.url}{path}", trust_env=False).headers


@pytest.mark.parametrize("mark", ["?", "#", "%3F", "%3f", "%23", "%2523", "%25253f"])
def test_the_log_ends_a_path_where_secrets_begin(router: Router, mark: str) -> None:
    request = f"GET /shown{mark}id=1&token=topsecret HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert say(router, request)[0] == 404
    router.process.wait_until(lambda: '"path":"/shown"' in router.access_log())
    assert "topsecret" not in router.access_log() + router.process.log()
