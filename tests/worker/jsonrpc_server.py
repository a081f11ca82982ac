"""A real JSON-RPC server for the tests: jsonrpc-py on uvicorn, with a few rude answers beside it."""

import asyncio
from typing import Any

from jsonrpc import ASGIHandler

rpc = ASGIHandler()


@rpc.dispatcher.register
def add(a: int, b: int) -> int:
    return a + b


@rpc.dispatcher.register
async def slow(*, seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "slept"


@rpc.dispatcher.register
def divide(a: float, b: float) -> float:
    return a / b


@rpc.dispatcher.register
def big(size: int) -> str:
    return "x" * size


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    path = scope.get("path")
    if path == "/redirect":
        await answer(send, 302, b"", (b"location", b"http://127.0.0.1:1/"))
    elif path == "/page":
        await answer(send, 200, b"<html>", (b"content-type", b"text/html"))
    elif path == "/broken":
        await answer(send, 503, b"overloaded", (b"content-type", b"text/plain"))
    elif path == "/endless":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await asyncio.sleep(0)) is None:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
    else:
        await rpc(scope, receive, send)


async def answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})
