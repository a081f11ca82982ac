"""A TCP proxy that can go silent: it keeps connections open and passes nothing on, like a dead host behind a switch.

Or refuse, as a firewall does that resets what it does not let through.
"""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self


class FreezeProxy:
    """`with FreezeProxy(port) as proxy:` passes `proxy.port` on to `port` until `freeze()`; runs in a thread."""

    def __init__(self, target_port: int, target_host: str = "127.0.0.1") -> None:
        self.port = 0
        self.accepted = 0  # connections so far
        self._target = (target_host, target_port)
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._flowing = asyncio.Event()
        self._refusing = False
        self._ending = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    def freeze(self) -> None:
        """Go silent: what is connected hangs, and what connects from now on hangs too."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def refuse(self) -> None:
        """End every connection, and those that come from now on."""
        self._loop.call_soon_threadsafe(self._refuse)

    def thaw(self) -> None:
        """Pass on again, what was held back included."""
        self._refusing = False
        self._loop.call_soon_threadsafe(self._flowing.set)

    def cut(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def _refuse(self) -> None:
        self._refusing = True
        self._cut()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._flowing.set()
        self._started.set()
        await self._ending.wait()
        server.close()
        self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # transports say goodbye

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            writer.transport.abort()
            return
        self._writers.add(writer)
        # A task of asyncio's streams that ends cancelled is reported as an error of theirs.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._flowing.wait()
            there_reader, there_writer = await asyncio.open_connection(*self._target)
            self._writers.add(there_writer)
            await asyncio.gather(self._pass(reader, there_writer), self._pass(there_reader, writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
            await self._flowing.wait()
        writer.close()
        self._writers.discard(writer)
