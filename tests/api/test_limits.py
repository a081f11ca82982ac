"""What is too large is refused while it is read, and the connection goes on or ends cleanly."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.api.conftest import KEYS, Site

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


def of_size(size: int) -> bytes:
    head, tail = b'{"task":"echo","payload":{"x":"', b'"}}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def in_chunks(body: bytes) -> Iterator[bytes]:
    for begin in range(0, len(body), 65_536):
        yield body[begin : begin + 65_536]


@pytest.mark.parametrize("chunked", [False, True])
def test_one_mebibyte_is_the_limit(shop: httpx.Client, chunked: bool) -> None:
    for size, status in ((MIB, 202), (MIB + 1, 413), (3 * MIB, 413)):
        body = of_size(size)
        answer = shop.post("/api/tasks", content=in_chunks(body) if chunked else body, headers=JSON)
        assert answer.status_code == status
        if status == 413:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == 413


@pytest.mark.parametrize(
    "path", ["/api/new_task/", "/api/tasks/nonsense/cancel", "/api/ws/authorize", "/api/nope", "/"]
)
def test_no_address_takes_more(ops: httpx.Client, path: str) -> None:
    assert ops.post(path, content=of_size(2 * MIB), headers=JSON).status_code == 413


def test_a_batch_may_be_sixteen_times_that(shop: httpx.Client) -> None:
    some = b"[" + b",".join([of_size(MIB - 100)] * 15) + b"]"
    assert shop.post("/api/tasks/batch", content=some, headers=JSON, timeout=60).status_code == 202
    assert shop.post("/api/tasks/batch", content=b" " * (16 * MIB + 1), headers=JSON).status_code == 413


def test_an_endless_body_is_not_read_on(site: Site) -> None:
    """The answer comes after about a mebibyte, and the connection ends soon after."""
    parts = urlsplit(site.base)
    head = (
        f"POST /api/tasks HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {KEYS['shop'][1]}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent, began = 0, time.monotonic()
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as client:
        client.sendall(head.encode())
        client.settimeout(0.01)
        answer = b""
        try:
            while time.monotonic() - began < 20:
                try:
                    sent += client.send(chunk)  # a partial chunk does no harm: nobody reads it
                    answer += client.recv(65_536)
                except TimeoutError:
                    continue
        except ConnectionError:
            pass
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()
    assert sent < 64 * MIB
    assert time.monotonic() - began < 10


def test_a_declared_length_is_refused_before_a_byte_is_sent(site: Site) -> None:
    parts = urlsplit(site.base)
    head = (
        f"POST /api/tasks HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        "Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as client:
        client.settimeout(5)
        client.sendall(head.encode())
        assert client.recv(65_536).startswith(b"HTTP/1.1 413")
