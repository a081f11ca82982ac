"""A pool of connections that comes back by itself, and tells the process's `Presence` how the database is."""

import asyncio
import logging
import time
from collections import deque
from typing import Any, Self

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from db.connection import RETRY_MOST, STATEMENT_TIMEOUT, BackOff, connection_options, looks_alive
from db.errors import Unavailable
from db.listen_probe import is_pooled
from db.presence import READ_ONLY, Presence

PREPARE_AFTER = 2  # runs of a statement; ours are few and come again and again
PART = "pool"  # of the process, as its `Presence` knows it
FAIL_FAST = 0.5  # seconds a caller waits for a connection while the database is known to be gone

logging.getLogger("psycopg").setLevel(logging.ERROR)  # on how it ends a query that nobody answers
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # its line an attempt is what `Presence` says once


class Pool(AsyncConnectionPool[psycopg.AsyncConnection[Any]]):
    """psycopg's pool, whose attempts to connect go on until they succeed or the pool is closed."""

    def __init__(
        self,
        url: str,
        *,
        name: str,
        min_size: int,
        max_size: int,
        statement_timeout: float,
        presence: Presence,
        longest_pause: float,
    ) -> None:
        self.presence = presence
        self.longest_pause = longest_pause
        # Seconds for an answer; the server's own deadline comes first, if it still lives.
        self.deadline = statement_timeout + min(2.0, statement_timeout / 2)
        self.closing = asyncio.Event()
        self.only_reads = False  # why the last attempt to connect failed
        super().__init__(
            "",
            connection_class=_persistent(self),
            kwargs={
                **connection_options(url, name, statement_timeout=statement_timeout),
                "autocommit": True,
                "prepare_threshold": PREPARE_AFTER,
            },
            min_size=min_size,
            max_size=max_size,
            name=name,
            open=False,
        )
        self._pool = _Stack()

    async def take(self, within: float) -> psycopg.AsyncConnection[Any]:
        """Return a connection that was alive a moment ago; give it back with `putconn`.

        `PoolTimeout`, `Unavailable`: there was none `within` so many seconds. Looks at the idle socket
        alone, so it costs no round trip: a server that went down has closed it.
        """
        deadline = time.monotonic() + (min(within, FAIL_FAST) if self.presence.away(PART) else within)
        while True:
            try:
                connection = await self.getconn(timeout=max(deadline - time.monotonic(), 0.001))
            except PoolTimeout as error:
                if self.only_reads:
                    raise Unavailable("the server that answers takes no writes", code=READ_ONLY) from error
                raise
            if looks_alive(connection):
                return connection
            await connection.close()
            await self.putconn(connection)

    async def close(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - as psycopg_pool names it
        """Close the pool; attempts to connect end too."""
        self.closing.set()
        await super().close(timeout)


class _Stack(deque[psycopg.AsyncConnection[Any]]):
    """Gives out what was given back last, where psycopg's pool goes round: its server process is the one still warm.

    An idle system's way from POST to websocket took 3 % less with it.
    """

    def append(self, connection: psycopg.AsyncConnection[Any], /) -> None:
        """Put a connection where the next is taken from."""
        self.appendleft(connection)


async def open_pool(
    url: str,
    *,
    name: str,
    min_size: int = 1,
    max_size: int = 8,
    statement_timeout: float = STATEMENT_TIMEOUT,
    presence: Presence | None = None,
    longest_pause: float = RETRY_MOST,
) -> Pool:
    """Open a pool of autocommit connections for one part of Taskbell. Does not wait for the database to answer.

    `statement_timeout`, and `longest_pause` between two attempts to connect, in seconds.
    """
    pool = Pool(
        url,
        name=name,
        min_size=min_size,
        max_size=max_size,
        statement_timeout=statement_timeout,
        presence=presence or Presence(),
        longest_pause=longest_pause,
    )
    await pool.open(wait=False)
    return pool


def _persistent(pool: Pool) -> type[psycopg.AsyncConnection[Any]]:
    """Return a connection class whose `connect` tries until it succeeds.

    The pool's own attempts back off for minutes and then end; ours come again within seconds, for as long as it takes.
    """

    class PersistentConnection(psycopg.AsyncConnection[Any]):
        @classmethod
        async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
            pauses = BackOff(pool.longest_pause)
            while not pool.closing.is_set():
                began = time.monotonic()
                try:
                    connection = await super().connect(conninfo, **kwargs)
                    if await is_pooled(connection):
                        connection.prepare_threshold = None  # many a pooler mixes up who prepared what
                except psycopg.Error as error:
                    pool.only_reads = pool.presence.unreached(PART, error, began)
                    await pauses.sleep(pool.closing)
                else:
                    pool.only_reads = False
                    pool.presence.found(PART)
                    return connection
            raise PoolClosed("the pool is closing")

    return PersistentConnection
