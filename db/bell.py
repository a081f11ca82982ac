"""The lock behind the bell: whoever holds it sleeps, and is rung for what becomes due (see `taskbell.bell_key()`)."""

import asyncio
from typing import Any

import psycopg

from db.connection import connection_options, looks_alive

WAIT = 1.0  # seconds a try waits for enqueuers in flight; a statement that waits holds back xmin, so not longer
DEADLINE = 5.0  # seconds until the server must have answered

TAKE = "select pg_advisory_lock(taskbell.bell_key())"
GIVE = "select pg_advisory_unlock_all()"


class BellLock:
    """The exclusive advisory lock, on a connection of its own. Not for two callers at once."""

    def __init__(self, url: str, name: str) -> None:
        self._options = connection_options(url, f"{name} bell", statement_timeout=DEADLINE)
        self._options["options"] += f" -c lock_timeout={round(WAIT * 1000)}"
        self._connection: psycopg.AsyncConnection[Any] | None = None

    async def take(self) -> bool:
        """Take the lock. False: enqueuers, or another sleeper, still hold it after `WAIT`; or there is no database."""
        try:
            async with asyncio.timeout(DEADLINE):
                if self._connection is None or self._connection.closed:
                    self._connection = await psycopg.AsyncConnection.connect(
                        **self._options, autocommit=True, prepare_threshold=1
                    )
                await self._connection.execute(TAKE)
        except psycopg.errors.LockNotAvailable:
            return False
        except (psycopg.Error, TimeoutError):
            await self.close()
            return False
        return True

    async def give(self) -> None:
        """Give the lock up."""
        if self._connection is None:
            return
        try:
            async with asyncio.timeout(DEADLINE):
                await self._connection.execute(GIVE)
        except (psycopg.Error, TimeoutError):
            await self.close()  # the lock ends with its session

    def alive(self) -> bool:
        """Whether the session, and so a lock that was taken, still lives. Not while a `take` or `give` is under way."""
        return self._connection is not None and looks_alive(self._connection)

    async def close(self) -> None:
        """End the session, and the lock with it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await connection.close()
