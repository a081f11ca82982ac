"""One websocket of the hub: commands in, the newest state of each joined task out."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

from starlette.websockets import WebSocket, WebSocketDisconnect

from api.live.commands import MAX_COMMAND, Refused, parse
from api.live.pace import Pace
from api.live.wire import message
from api.watch import Watcher
from db.errors import DatabaseError, TaskNotFound

MAX_JOINS = 2_000  # channels joined by one connection, what waits to be sent included
MAX_REFUSED = 50  # commands that did nothing, after which a connection is closed
JOINS_PER_SECOND = 200  # of one connection in the long run; faster ones are read more slowly
JOINS_AT_ONCE = 2_000
SEND_DEADLINE = 10.0  # seconds in which a client must take a message once its buffers are full

POLICY = 1008  # close codes of RFC 6455
TOO_BIG = 1009
TRY_AGAIN = 1013

log = logging.getLogger(__name__)


class Connection:
    """Serves one client: bounded in what it may join, say wrongly, and leave unread."""

    def __init__(self, websocket: WebSocket, watcher: Watcher, make_room: Callable[["Connection"], bool]) -> None:
        self.ending = False
        self._websocket = websocket
        self._watcher = watcher
        self._make_room = make_room
        self._joined: dict[UUID, asyncio.Task[None]] = {}
        self._outbox: dict[UUID, str] = {}  # the newest message of each task that is still to be sent
        self._sender: asyncio.Task[None] | None = None  # only while there is something to send
        self._pace = Pace(JOINS_PER_SECOND, JOINS_AT_ONCE)
        self._refused = 0
        self._verdict: asyncio.Future[tuple[int, str] | None] = asyncio.get_running_loop().create_future()

    @property
    def load(self) -> int:
        """How many channels it has joined, what waits to be sent included."""
        return len(self._joined) + len(self._outbox.keys() - self._joined.keys())

    def end(self, code: int, reason: str) -> None:
        """Close it soon, with this code."""
        self.ending = True
        if not self._verdict.done():
            self._verdict.set_result((code, reason))

    async def serve(self) -> None:
        """Serve until the client goes, or is sent away."""
        listener = asyncio.create_task(self._listen())
        either: list[asyncio.Future[Any]] = [listener, self._verdict]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.ending = True
            everything = [listener, *self._joined.values()]
            if self._sender is not None:
                everything.append(self._sender)
            for part in everything:
                part.cancel()
            await asyncio.gather(*everything, return_exceptions=True)
        verdict = self._verdict.result() if self._verdict.done() else None
        if verdict is not None:
            code, reason = verdict
            with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
                async with asyncio.timeout(1):
                    await self._websocket.close(code, reason)

    async def _listen(self) -> None:
        while True:
            said = await self._websocket.receive()
            if said["type"] != "websocket.receive":
                return
            text = said.get("text") or ""
            if len(text) > MAX_COMMAND or len(said.get("bytes") or b"") > MAX_COMMAND:
                self.end(TOO_BIG, f"a command has at most {MAX_COMMAND} bytes")
                return
            await self._obey(text)

    async def _obey(self, text: str) -> None:
        try:
            command = parse(text)
        except Refused as refusal:
            self._count_refusal(str(refusal))
            return
        before = self._joined.pop(command.task_id, None)
        if before:
            before.cancel()
        if command.kind == "leave":
            self._outbox.pop(command.task_id, None)
            return
        await self._pace.take()
        if self.load >= MAX_JOINS:
            self.end(POLICY, f"one connection joins at most {MAX_JOINS} channels")
        elif not self._make_room(self):
            self.end(TRY_AGAIN, "too many channels are joined here; try again later")
        else:
            self._joined[command.task_id] = asyncio.create_task(self._follow(command.task_id))

    def _count_refusal(self, reason: str) -> None:
        self._refused += 1
        if self._refused > MAX_REFUSED:
            self.end(POLICY, f"too many refused commands, the last one: {reason}")

    async def _follow(self, task_id: UUID) -> None:
        try:
            async with self._watcher.watch(task_id) as changes:
                async for task in changes:
                    self._post(task_id, message(task))
        except TaskNotFound as error:
            self._count_refusal(error.message)
        except DatabaseError as error:
            log.info("a join failed: %s", error.message)
            self.end(TRY_AGAIN, "can't read that task just now; try again")
        finally:
            if self._joined.get(task_id) is asyncio.current_task():
                del self._joined[task_id]

    def _post(self, task_id: UUID, text: str) -> None:
        self._outbox[task_id] = text
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())

    async def _send(self) -> None:
        """Send what there is; a client that does not take it in time is dropped without another word."""
        while self._outbox:
            text = self._outbox.pop(next(iter(self._outbox)))
            try:
                async with asyncio.timeout(SEND_DEADLINE):
                    await self._websocket.send_text(text)
            except (TimeoutError, WebSocketDisconnect, RuntimeError):
                if not self._verdict.done():
                    self._verdict.set_result(None)
                return
        self._sender = None
