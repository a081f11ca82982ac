"""Bodies go through nginx as they come: what is never finished fills nothing that others need."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.nginx.conftest import Router
from tests.servers import Database

MIB = 1 << 20
BAD_KEY = "Authorization: Bearer of-nobody\r\n"
BATCH = "POST /api/tasks/batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
ONE = BATCH.replace("/batch", "")


@pytest.fixture
def router(database: Database, run_api: Callable[..., str], run_router: Callable[..., Router]) -> Router:
    return run_router(API=urlsplit(run_api(database)).netloc)


def begin(router: Router, head: str, length: int, begun: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(router.url).port or 0), timeout=10)
    connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + begun)
    return connection


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (BATCH, 16 * MIB),
        (f"{BATCH}{BAD_KEY}", 16 * MIB),
        (f"{ONE}{BAD_KEY}", MIB),
        (f"{ONE.replace('tasks', 'tasks/x/cancel')}{BAD_KEY}", MIB),
    ],
)
def test_who_has_no_good_key_hears_so_before_the_body_is_read(
    router: Router, tmp_path: Path, head: str, length: int
) -> None:
    with closing(begin(router, head, length, b"[" + b" " * (MIB // 2))) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
    assert stored(tmp_path) == []


def test_unfinished_bodies_take_no_space_of_nginx(router: Router, tmp_path: Path) -> None:
    with ExitStack() as held:
        for _ in range(10):
            held.enter_context(closing(begin(router, ONE, MIB, b'{"task"' + b" " * (MIB - 100))))
        task = {"task": "echo", "payload": {"text": "x" * 500_000}}
        answer = httpx.post(f"{router.url}/api/tasks", json=task, trust_env=False)
        assert answer.status_code in {202, 422}, answer.text  # the API read it
        assert stored(tmp_path) == []


def test_a_body_of_unsaid_length_is_counted_by_the_api(router: Router) -> None:
    def endless() -> list[bytes]:
        return [json.dumps({"task": "echo"}).encode(), *([b" " * MIB] * 3)]

    answer = httpx.post(f"{router.url}/api/tasks", content=iter(endless()), trust_env=False)
    assert answer.status_code == 413


def test_a_form_of_the_admin_may_hold_a_whole_payload(
    database: Database, run_admin: Callable[..., str], run_router: Callable[..., Router]
) -> None:
    router = run_router(ADMIN=urlsplit(run_admin(database)).netloc)
    for base in (router.url, router.admin_url):
        sizes = [(MIB * 2, 403), (MIB * 3 + 1, 413)]  # Django: no CSRF token; nginx: too large
        for size, status in sizes:
            form = httpx.post(f"{base}/admin/login/", content=b"a=" + b"x" * (size - 2), trust_env=False)
            assert form.status_code == status, (base, size)


def stored(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "nginx/body").rglob("*") if path.is_file()]
