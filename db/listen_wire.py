"""A libpq connection driven by the event loop, so that notifications and our own commands never wait for each other.

psycopg's `notifies()` generator loses the rest of a batch when it is left, and `execute` waits for it; hence libpq
itself: whatever arrives is read at once, notifications go to a callback, results to the command in flight.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGconn

FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.BAD_RESPONSE)


class Wire:
    """Commands out, results and notifications in. One command at a time; a context manager that watches the socket."""

    def __init__(self, pgconn: PGconn, on_notify: Callable[[str, str], None]) -> None:
        self._pgconn = pgconn
        self._on_notify = on_notify
        self._loop = asyncio.get_running_loop()
        self._socket = pgconn.socket
        self._answer: asyncio.Future[str] | None = None  # "" or the server's error, once the command is through
        self._error = ""
        self._broken: asyncio.Future[None] = self._loop.create_future()
        self._heard_at = time.monotonic()
        self._escaping = pq.Escaping(pgconn)

    def __enter__(self) -> Self:
        self._loop.add_reader(self._socket, self._read)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        if not self._broken.cancel() and not self._broken.cancelled():
            self._broken.exception()  # taken note of

    def quote(self, name: str) -> str:
        """Return `name` as an SQL identifier."""
        return bytes(self._escaping.escape_identifier(name.encode())).decode()

    def quiet_for(self) -> float:
        """Return for how many seconds nothing has arrived."""
        return time.monotonic() - self._heard_at

    async def execute(self, command: str, *, tolerate: bool = False) -> bool:
        """Run statements, all or none; True once they are done.

        `psycopg.Error`: the connection broke, or the server refused (if tolerated: False).
        """
        self._error = ""
        self._answer = self._loop.create_future()
        self._pgconn.send_query(command.encode())
        self._flush()
        either: list[asyncio.Future[Any]] = [self._answer, self._broken]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._broken.done():
            self._broken.result()
        refused = self._answer.result()
        if refused and not tolerate:
            raise psycopg.OperationalError(refused)
        return not refused

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for `event` (True) or until `seconds` are over (False). Raises as soon as the connection breaks."""
        waiter = asyncio.ensure_future(event.wait())
        either: list[asyncio.Future[Any]] = [waiter, self._broken]
        try:
            done, _ = await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiter.cancel()
        if self._broken in done:
            self._broken.result()
        return event.is_set()

    def _flush(self) -> None:
        if self._pgconn.flush():
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _write(self) -> None:
        try:
            self._flush()
        except psycopg.Error as error:
            self._break(error)

    def _read(self) -> None:
        try:
            self._pgconn.consume_input()
            self._heard_at = time.monotonic()
            self._take_results()
        except psycopg.Error as error:
            self._break(error)
        for channel, payload in self._take_notifications():
            self._on_notify(channel, payload)

    def _take_results(self) -> None:
        while self._answer and not self._answer.done() and not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                self._answer.set_result(self._error)
            elif result.status in FAILED:
                self._error = result.get_error_message()

    def _take_notifications(self) -> deque[tuple[str, str]]:
        heard: deque[tuple[str, str]] = deque()
        while notification := self._pgconn.notifies():
            heard.append((notification.relname.decode(), notification.extra.decode()))
        return heard

    def _break(self, error: psycopg.Error) -> None:
        self._loop.remove_reader(self._socket)
        if not self._broken.done():
            self._broken.set_exception(error)
