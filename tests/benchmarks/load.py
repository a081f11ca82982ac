"""A load generator in a process of its own: `python -m tests.benchmarks.load HOST PORT KEY CLIENTS SECONDS`.

Each client keeps one connection and sends its next request when the last one is answered. It speaks just enough HTTP
that the measured server, not the generator, is what keeps the machine busy. Prints one line of JSON.
"""

import asyncio
import json
import sys
import time
from typing import cast

from uvloop import new_event_loop

from tests.benchmarks import bare_http

WARM = 0.5  # seconds that are not counted


class Client(asyncio.Protocol):
    """One connection that posts a task again and again; notes when each answer came and how long it took."""

    def __init__(self, request: bytes, until: float) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers: list[tuple[float, float]] = []
        self._request = request
        self._until = until
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            if bare_http.answer(self._buffer) is None:
                return
        except AssertionError as error:
            self.done.set_exception(error)
            return
        self._buffer = b""
        now = time.monotonic()
        self.answers.append((now, now - self._sent))
        if now < self._until:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent = time.monotonic()
        self._transport.write(self._request)


async def run(host: str, port: int, key: str, clients: int, seconds: float) -> dict[str, object]:
    """Return the answers a second, each one's seconds, and how many there were with the warming up."""
    body = b'{"task": "echo", "queue": "bench", "payload": {"n": 1}}'
    request = bare_http.post(host, port, key, body)
    loop = asyncio.get_running_loop()
    began = time.monotonic() + WARM
    made = [await loop.create_connection(lambda: Client(request, began + seconds), host, port) for _ in range(clients)]
    await asyncio.gather(*(client.done for _, client in made))
    taken = [took for _, client in made for at, took in client.answers if began <= at <= began + seconds]
    return {"rate": len(taken) / seconds, "seconds": taken, "all": sum(len(client.answers) for _, client in made)}


if __name__ == "__main__":
    host, port, key, clients, seconds = sys.argv[1:]
    loop = new_event_loop()
    print(json.dumps(loop.run_until_complete(run(host, int(port), key, int(clients), float(seconds)))))
