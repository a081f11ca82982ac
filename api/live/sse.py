"""A task's states as server-sent events."""

import asyncio
import contextlib

from pydantic_core import to_json
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.errors import PRIVATE
from api.watch import Watcher
from api.watched import Changes, Task
from db.errors import DatabaseError

HEARTBEAT = 15.0  # seconds of silence after which a comment is sent, so that proxies keep the connection
SEND_DEADLINE = 15.0  # seconds in which a client must take an event once its buffers are full
RETRY = 2000  # milliseconds after which an EventSource connects again


class EventStream(Response):
    """The present state at once, then each change; ends when the task has finished. `id:` is the task's seq.

    An EventSource connects again after every end: one that has seen the last state already gets 204, which stops it.
    """

    media_type = "text/event-stream"

    def __init__(self, watcher: Watcher, task_id: str, *, seen: str | None = None) -> None:
        super().__init__(headers={"Cache-Control": PRIVATE, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._watcher = watcher
        self._task_id = task_id
        self._seen = seen

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - ASGI's
        receive: Receive,
        send: Send,
    ) -> None:
        """Stream until the task has finished or the client has gone. Raises `DatabaseError` before the first byte."""
        async with self._watcher.watch(self._task_id) as changes:
            stream = asyncio.create_task(self._stream(changes, send))
            gone = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait([stream, gone], return_when=asyncio.FIRST_COMPLETED)
            finally:
                gone.cancel()
                stream.cancel()
                with contextlib.suppress(asyncio.CancelledError, TimeoutError, OSError):
                    await stream

    async def _stream(self, changes: Changes, send: Send) -> None:
        first = await anext(changes)
        if self._seen == str(first["seq"]) and first["finished_at"] is not None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await _send_part(send, b"retry: %d\n\n" % RETRY + _event(first))
        with contextlib.suppress(DatabaseError):  # the headers are out: all we can do is end, and be asked again
            coming = asyncio.ensure_future(anext(changes, None))
            try:
                while True:
                    done, _ = await asyncio.wait([coming], timeout=HEARTBEAT)
                    if not done:
                        await _send_part(send, b": still here\n\n")
                        continue
                    task = coming.result()
                    if task is None:
                        break
                    await _send_part(send, _event(task))
                    coming = asyncio.ensure_future(anext(changes, None))
            finally:
                coming.cancel()
        await _send_part(send, b"", last=True)


def _event(task: Task) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (task["seq"], to_json(task))


async def _send_part(send: Send, body: bytes, *, last: bool = False) -> None:
    async with asyncio.timeout(SEND_DEADLINE):
        await send({"type": "http.response.body", "body": body, "more_body": not last})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
