"""The sleeper's side of the bell: enqueuers ring only while somebody holds this lock, or waits for it.

Before a worker sleeps it takes the lock, exclusive (it waits for enqueuers in flight), looks once more, and sleeps
holding it. Session locks need a session of one's own, so don't use it where the listener is deaf (a pooler): there
the poll alone must do.
"""

import asyncio
from types import TracebackType
from typing import Any, LiteralString, Self

import psycopg

from db.call import cut
from db.connection import CONNECT_TIMEOUT, connection_options
from db.errors import translate

WAIT = 1.0  # seconds for the lock; a statement that waits holds back vacuum, so give up and come again
SLACK = 3.0  # seconds more until a silent server counts as gone


class Bell:
    """One advisory lock on one connection of its own, made when first needed and again after trouble."""

    def __init__(self, url: str, name: str) -> None:
        self._options = connection_options(url, f"{name} bell", statement_timeout=WAIT + SLACK)
        self._options["options"] += f" -c lock_timeout={round(WAIT * 1000)}"
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def take(self) -> bool:
        """Take the lock, waiting at most a second; False: others held it longer, try again.

        `Unavailable`: no database.
        """
        try:
            await self._execute("select pg_advisory_lock(taskbell.bell_key())")
        except psycopg.errors.LockNotAvailable:
            return False
        except Exception as error:
            await self.close()
            raise translate(error) from error
        return True

    async def give_up(self) -> None:
        """Let enqueuers be silent again. Never fails: a connection that breaks gives its lock up by itself."""
        try:
            await self._execute("select pg_advisory_unlock_all()")
        except psycopg.Error:
            await self.close()

    async def close(self) -> None:
        """Close the connection, and so give the lock up."""
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def _execute(self, query: LiteralString) -> None:
        if self._connection is None or self._connection.closed:
            async with asyncio.timeout(CONNECT_TIMEOUT + SLACK):
                self._connection = await psycopg.AsyncConnection.connect(
                    **self._options, autocommit=True, prepare_threshold=2
                )
        deadline = asyncio.get_running_loop().call_later(WAIT + SLACK, cut, self._connection)
        try:
            await self._connection.execute(query)
        finally:
            deadline.cancel()
