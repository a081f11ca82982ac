"""A line between browser and API that can be cut: a TCP proxy on a thread of its own, closing real connections."""

import asyncio
import contextlib
import threading
from urllib.parse import urlsplit

CHUNK = 65536  # bytes


class FaultyLine:
    """Forwards to `target` until told otherwise. `url` is what the browser opens."""

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._loop = asyncio.new_event_loop()
        self._open: dict[asyncio.StreamWriter, bool] = {}  # to the browser: is it a websocket?
        self._websockets_refused = False
        self._all_refused = False
        self._swallow = b""
        self.swallowed = 0
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty-line", daemon=True)
        self._thread.start()
        self._server = self._call(self._serve())
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/"

    def cut_websockets(self, *, refuse: bool = False) -> None:
        """Close every websocket; refuse new ones until mend()."""
        self._websockets_refused = refuse
        self._call(self._abort(websockets_only=True))

    def cut_all(self) -> None:
        """Close every connection and refuse new ones until mend()."""
        self._all_refused = True
        self._call(self._abort(websockets_only=False))

    def mend(self) -> None:
        self._websockets_refused = self._all_refused = False

    def swallow_answer_to(self, request: str) -> None:
        """Let the next request that begins like this reach the API, and close before its answer comes back."""
        self._swallow = request.encode()

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):  # noqa: ANN001, ANN202 - passes through whatever it is given
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _serve(self) -> asyncio.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def _end(self) -> None:
        self._server.close()
        await self._abort(websockets_only=False)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _abort(self, *, websockets_only: bool) -> None:
        for writer, is_websocket in list(self._open.items()):
            if is_websocket or not websockets_only:
                writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open[writer] = False
        far = None
        try:
            if self._all_refused:
                return
            far_reader, far = await asyncio.open_connection(self._target.hostname, self._target.port)
            back = asyncio.create_task(_pump(far_reader, writer))
            while data := await reader.read(CHUNK):
                if data.startswith(b"GET /ws"):
                    if self._websockets_refused:
                        return
                    self._open[writer] = True
                lost = bool(self._swallow) and data.startswith(self._swallow)
                if lost:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                far.write(data)
                await far.drain()
                if lost:
                    self._swallow = b""
                    await far_reader.read(1)  # the answer has begun, so the request was carried out
                    self.swallowed += 1
                    return
        except OSError:
            pass  # one of the two went away: so does the other
        finally:
            del self._open[writer]
            for end in (writer, far):
                if end:
                    end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()
