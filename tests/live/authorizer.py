"""An HTTP server that answers wsify's questions as a test tells it to."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self


class Authorizer:
    """`asked` holds the messages so far; `answer(message)` is the status it gives; `hold` lets it wait first."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], int] = lambda _message: 200
        self.hold: Callable[[dict[str, Any]], Any] | None = None
        self.url = ""
        self._grew = asyncio.Condition()
        self._handlers: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/authorize"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for handler in list(self._handlers):
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def wait_for(self, count: int, command: str, seconds: float = 5) -> list[dict[str, Any]]:
        """Return the messages with that command once there are `count`."""

        def found() -> list[dict[str, Any]]:
            return [message for message in self.asked if message["command"] == command]

        async with asyncio.timeout(seconds), self._grew:
            await self._grew.wait_for(lambda: len(found()) >= count)
        return found()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handler = asyncio.current_task()
        assert handler is not None
        self._handlers.add(handler)
        try:
            with suppress(asyncio.CancelledError):  # only our end cancels
                await self._answer_all(reader, writer)
        finally:
            self._handlers.discard(handler)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.split("content-length:")[1].split("\r\n")[0])
                message = json.loads(await reader.readexactly(length))
                if self.hold:
                    await self.hold(message)
                status = self.answer(message)
                async with self._grew:
                    self.asked.append(message)
                    self._grew.notify_all()
                writer.write(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
