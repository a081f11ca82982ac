"""Clients that keep to a rate, in a process of their own: `python -m tests.benchmarks.paced HOST PORT KEY RATE SECONDS`.

A task each time one is due, however late earlier answers are: posted, joined on a websocket, heard. The seconds count from when
it was due. They speak just enough HTTP and websocket that what is measured, not they, keeps the cores busy. Prints a line of JSON.
"""

import asyncio
import json
import sys
import time
from typing import cast

from uvloop import new_event_loop

from tests.benchmarks import bare_http
from tests.benchmarks.sockets import HANDSHAKE, STATUS, frame

PATIENCE = 30.0  # seconds for one task
PAIRS = 16  # of a connection for posts and a websocket; more tasks at once wait for one
WARM_SECONDS = 1.0  # not counted: connections are made, caches filled
BODY = b'{"task": "stamp"}'


class Client(asyncio.Protocol):
    """A connection that asks one thing at a time: `said` finds the answer in all that has come since, or returns None."""

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
        if self._answer.done():
            return
        try:
            said = self.said(self._buffer)
        except AssertionError as error:
            self._answer.set_exception(error)
        else:
            if said is not None:
                self._answer.set_result(said)

    def said(self, data: bytes) -> bytes | None:
        raise NotImplementedError

    async def ask(self, request: bytes) -> bytes:
        """Send this; return the answer."""
        if self._transport.is_closing():
            raise ConnectionError("the server closed a connection that it should keep")
        self._buffer = b""  # what earlier tasks were told: their end came last
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer


class Post(Client):
    """A kept connection for posts."""

    def said(self, data: bytes) -> bytes | None:
        return bare_http.answer(data)


class Line(Client):
    """A websocket: open, or told that its task has succeeded."""

    def said(self, data: bytes) -> bytes | None:
        return data if data.startswith(b"HTTP/1.1 101 ") or b"succeeded" in STATUS.findall(data) else None


async def run(host: str, port: int, key: str, rate: float, seconds: float) -> dict[str, object]:
    """Return the seconds of each task, and how many a second there were."""
    loop, free = asyncio.get_running_loop(), asyncio.Queue[tuple[Post, Line]]()
    request = bare_http.post(host, port, key, BODY)
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
            task = json.loads(await post.ask(request))
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
