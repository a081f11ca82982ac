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

from tests.benchmarks.sockets import HANDSHAKE, STATUS, frame

PATIENCE = 30.0  # seconds for one task
PAIRS = 16  # of a connection for posts and a websocket; more tasks at once wait for one
WARM_SECONDS = 1.0  # not counted: connections are made, caches filled
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
BODY = b'{"task": "stamp"}'


class Client(asyncio.Protocol):
    """A connection that asks one thing at a time: `said` looks at all that has come since, and returns True for an answer."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def connection_lost(self, error: Exception | None) -> None:
        if not self._answer.done():
            self._answer.set_exception(error or ConnectionError(f"closed after {self._buffer!r}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._answer.done() and self.said(self._buffer):
            self._answer.set_result(self._buffer)

    def said(self, data: bytes) -> bool:
        raise NotImplementedError

    async def ask(self, request: bytes) -> bytes:
        """Send this; return what came up to the answer's end."""
        if self._transport.is_closing():
            raise ConnectionError("the server closed a connection that it should keep")
        self._buffer = b""  # what earlier tasks were told: their end came last
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


class Post(Client):
    """A kept connection for posts."""

    def said(self, data: bytes) -> bool:
        head, found, body = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        return bool(found and length and len(body) >= int(length[1]))


class Line(Client):
    """A websocket."""

    def said(self, data: bytes) -> bool:
        return data.startswith(b"HTTP/1.1 101 ") or b"succeeded" in STATUS.findall(data)


async def run(host: str, port: int, key: str, rate: float, seconds: float) -> dict[str, object]:
    """Return the seconds of each task, and how many a second there were."""
    loop, free = asyncio.get_running_loop(), asyncio.Queue[tuple[Post, Line]]()
    head = f"POST /api/tasks HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
    request = f"{head}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n".encode() + BODY
    for _ in range(PAIRS):
        _, post = await loop.create_connection(Post, host, port)
        _, line = await loop.create_connection(Line, host, port)
        await line.ask(HANDSHAKE.format(f"{host}:{port}").encode())
        free.put_nowait((post, line))
    taken: list[float] = []
    began = time.monotonic() + WARM_SECONDS

    async def one(due: float) -> None:
        async with asyncio.timeout(PATIENCE):
            pair = post, line = await free.get()
            answer = await post.ask(request)
            assert answer.startswith(b"HTTP/1.1 202"), answer
            task = json.loads(answer.partition(b"\r\n\r\n")[2])
            join = {"command": "join", "args": {"channel": task["id"], "token": task["token"]}}
            await line.ask(frame(json.dumps(join).encode()))
        if due >= began:
            taken.append(time.monotonic() - due)
        free.put_nowait(pair)

    due = began - WARM_SECONDS
    async with asyncio.TaskGroup() as group:
        while due < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(one(min(due, time.monotonic())))  # uvloop's clock wakes up to a millisecond early
            due += 1 / rate
    return {"seconds": taken, "rate": len(taken) / (time.monotonic() - began)}


if __name__ == "__main__":
    host, port, key, rate, seconds = sys.argv[1:]
    print(json.dumps(new_event_loop().run_until_complete(run(host, int(port), key, float(rate), float(seconds)))))
