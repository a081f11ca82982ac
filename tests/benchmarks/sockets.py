"""Many waiting websockets in a process of their own: `python -m tests.benchmarks.sockets HOST PORT < lines`.

Each line of standard input is a task's id and token. One connection each joins it and waits. Prints `ready` when all have
been told the present state, and, when all have heard the end, one line of JSON: {id: time of the monotonic clock}.
"""

import asyncio
import json
import re
import sys
import time
from typing import cast

from uvloop import new_event_loop

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
AT_ONCE = 50  # handshakes under way
STATUS = re.compile(rb'"status": ?"(\w+)"')


class Waiter(asyncio.Protocol):
    """One websocket: joins when the handshake is answered, notes the first message and the last."""

    def __init__(self, host: str, task_id: str, token: str) -> None:
        loop = asyncio.get_running_loop()
        self.told: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[float] = loop.create_future()
        self.task_id = task_id
        self._host = host
        self._join = json.dumps({"command": "join", "args": {"channel": task_id, "token": token}}).encode()
        self._joined = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._transport.write(HANDSHAKE.format(self._host).encode())

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.told, self.ended):
            if not future.done():
                future.set_exception(error or ConnectionError("the server closed the websocket"))

    def data_received(self, data: bytes) -> None:
        if not self._joined:
            assert b" 101 " in data, data
            self._joined = True
            self._transport.write(frame(self._join))
        for status in STATUS.findall(data):
            if not self.told.done():
                self.told.set_result(None)
            if status == b"succeeded" and not self.ended.done():
                self.ended.set_result(time.monotonic())


def frame(text: bytes) -> bytes:
    """Return a masked text frame of 126 to 65,535 bytes (the mask is all zeros)."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + b"\0\0\0\0" + text


async def run(host: str, port: int, tasks: list[tuple[str, str]]) -> dict[str, float]:
    """Wait for all of them; return when each ended."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(AT_ONCE)

    async def wait(task_id: str, token: str) -> Waiter:
        async with gate:
            _, waiter = await loop.create_connection(lambda: Waiter(f"{host}:{port}", task_id, token), host, port)
            await waiter.told
            return waiter

    waiters = await asyncio.gather(*(wait(*task) for task in tasks))
    print("ready", flush=True)
    return {waiter.task_id: await waiter.ended for waiter in waiters}


if __name__ == "__main__":
    wanted = [(line.split()[0], line.split()[1]) for line in sys.stdin]
    print(json.dumps(new_event_loop().run_until_complete(run(sys.argv[1], int(sys.argv[2]), wanted))))
