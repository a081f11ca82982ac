"""Clients that keep to a rate, in a process of their own: `python -m tests.benchmarks.paced HOST PORT KEY RATE SECONDS`.

A task each time one is due, however late earlier answers are: posted, joined on a websocket, heard. The seconds count from when
it was due. They speak just enough HTTP and websocket that what is measured, not they, keeps the cores busy. Prints a line of JSON.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

from uvloop import new_event_loop

from tests.benchmarks.sockets import HANDSHAKE, frame

PAIRS = 16  # of a connection for posts and a websocket; more tasks at once wait for one
WARM_SECONDS = 1.0  # not counted: connections are made, caches filled
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
BODY = b'{"task": "stamp"}'


class Post(asyncio.Protocol):
    """A kept connection that posts a task when asked to."""

    def __init__(self, host: str, key: str) -> None:
        head = f"POST /api/tasks HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        self._request = f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n") + 4
        found = LENGTH.search(self._buffer)
        if end > 4 and found and len(self._buffer) >= end + int(found[1]):
            assert self._buffer.startswith(b"HTTP/1.1 202"), self._buffer
            body, self._buffer = self._buffer[end:], b""
            self._answer.set_result(body)

    async def post(self) -> bytes:
        """Return the answer's body."""
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._transport.write(self._request)
        return await self._answer


class Line(asyncio.Protocol):
    """A websocket that joins one task after the other."""

    def __init__(self, host: str) -> None:
        self._host = host
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(HANDSHAKE.format(self._host).encode())

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            assert b" 101 " in data, data
            self.open.set_result(None)
        elif not self._ended.done() and self._end.search(data):
            self._ended.set_result(None)

    async def hear(self, task: str, token: str) -> None:
        """Return when the task has succeeded."""
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport.write(
            frame(json.dumps({"command": "join", "args": {"channel": task, "token": token}}).encode())
        )
        await self._ended


async def run(host: str, port: int, key: str, rate: float, seconds: float) -> dict[str, object]:
    """Return the seconds of each task, and how many a second there were."""
    loop, free = asyncio.get_running_loop(), asyncio.Queue[tuple[Post, Line]]()
    for _ in range(PAIRS):
        _, post = await loop.create_connection(lambda: Post(f"{host}:{port}", key), host, port)
        _, line = await loop.create_connection(lambda: Line(f"{host}:{port}"), host, port)
        await line.open
        free.put_nowait((post, line))
    taken: list[float] = []
    began = time.monotonic() + WARM_SECONDS

    async def one(due: float) -> None:
        pair = post, line = await free.get()
        answer = json.loads(await post.post())
        await line.hear(answer["id"], answer["token"])
        if due >= began:
            taken.append(time.monotonic() - due)
        free.put_nowait(pair)

    due = began - WARM_SECONDS
    async with asyncio.TaskGroup() as group:
        while due < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(due))
            due += 1 / rate
    return {"seconds": taken, "rate": len(taken) / (time.monotonic() - began)}


if __name__ == "__main__":
    host, port, key, rate, seconds = sys.argv[1:]
    print(json.dumps(new_event_loop().run_until_complete(run(host, int(port), key, float(rate), float(seconds)))))
