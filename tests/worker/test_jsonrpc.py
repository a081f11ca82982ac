"""The `jsonrpc` task against a real JSON-RPC server."""

import socket
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from db import settings
from db.embedded import free_port
from scripts.guard import Guard
from tests.servers import Processes
from worker import Fail
from worker.tasks.jsonrpc import JsonRpcError, JsonRpcServerError, jsonrpc


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[str]:
    port = free_port()
    processes = Processes(tmp_path_factory.mktemp("jsonrpc"), guard)
    command = [sys.executable, "-m", "uvicorn", "tests.worker.jsonrpc_server:app", "--port", str(port)]
    processes.start("jsonrpc", command).wait_until(lambda: _answers(port))
    yield f"127.0.0.1:{port}"
    processes.end()


@pytest.fixture(autouse=True)
def allowed(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", "postgresql://somebody@127.0.0.1/nowhere")
    monkeypatch.setenv("ENVIRONMENT", "development")
    monkeypatch.setenv("JSONRPC_ALLOW", f"{server},127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # which is not asked
    settings.load.cache_clear()
    yield
    settings.load.cache_clear()


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        ("add", [1, 2], 3),
        ("add", {"a": 40, "b": 2}, 42),
        ("slow", {"seconds": 0.05}, "slept"),
        ("big", [1000000], "x" * 1000000),
    ],
)
async def test_its_result_is_the_result(server: str, method: str, params: Any, result: Any) -> None:
    assert await jsonrpc(f"http://{server}/", method, params) == result


@pytest.mark.parametrize(
    ("path", "method", "params", "error", "words"),
    [
        ("/", "nothing", [], JsonRpcError, "-32601: "),
        ("/", "add", ["a"], JsonRpcError, "-32602: "),
        ("/", "divide", [1, 0], JsonRpcServerError, "-32603: "),
        ("/", "big", [1048576], Fail, "more than 1,048,576 bytes"),
        ("/redirect", "add", [1, 2], Fail, "redirects are not followed"),
        ("/page", "add", [1, 2], Fail, "not JSON"),
        ("/broken", "add", [1, 2], JsonRpcServerError, "503"),
        ("/endless", "add", [1, 2], Fail, "more than 1,048,576 bytes"),
    ],
)
async def test_errors_say_what_happened(
    server: str, path: str, method: str, params: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        await jsonrpc(f"http://{server}{path}", method, params)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:2/", "127.0.0.1:2 may not be called"),
        ("http://localhost/", "localhost:80 may not be called"),
        ("https://[::1]/", r"\[::1\]:443 may not be called"),
        ("file:///etc/passwd", "is not an http"),
        ("http://", "is not an http"),
    ],
)
async def test_only_what_is_allowed_is_called(url: str, words: str) -> None:
    with pytest.raises(Fail, match=words):
        await jsonrpc(url, "add", [1, 2])


async def test_nobody_there_is_worth_another_attempt() -> None:
    with pytest.raises(httpx.ConnectError):
        await jsonrpc("http://127.0.0.1:1/", "add", [1, 2])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
