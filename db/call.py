"""One call to the database: a connection from the pool, a deadline on both sides, our own exceptions."""

import asyncio
import os
import socket
from collections.abc import Sequence
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import AsyncRowFactory, dict_row, tuple_row

from db.errors import NO_DATABASE, Busy, Unavailable, translate
from db.pool import Pool

CONNECTION_WAIT = 5.0  # seconds for a free connection, or as long as a statement may take if that is less
CONNECTION = ("08", "57P")  # codes of a connection that is over; its pool tells what comes of that
STALE_PLAN = "0A000"  # "cached plan must not change result type": a migration came in between

Row = TypeVar("Row")


class Caller:
    """Runs statements of this package on a pool, each in a transaction of its own and in one round trip."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _rows(self, query: LiteralString, *arguments: Any) -> list[tuple[Any, ...]]:
        return await self._run(query, arguments, tuple_row)

    async def _dicts(self, query: LiteralString, *arguments: Any) -> list[dict[str, Any]]:
        return await self._run(query, arguments, dict_row)

    async def _value(self, query: LiteralString, *arguments: Any) -> Any:
        rows = await self._run(query, arguments, tuple_row)
        return rows[0][0] if rows else None

    async def _run(self, query: LiteralString, arguments: Sequence[Any], shape: AsyncRowFactory[Row]) -> list[Row]:
        try:
            try:
                rows = await self._once(query, arguments, shape)
            except psycopg.errors.FeatureNotSupported as error:
                if error.sqlstate != STALE_PLAN:
                    raise
                rows = await self._once(query, arguments, shape)  # nothing has run yet
        except Exception as error:
            ours = translate(error)
            refused = isinstance(error, psycopg.Error) and isinstance(ours, Unavailable) and not isinstance(ours, Busy)
            if refused and not ours.code.startswith(CONNECTION):
                self._pool.presence.refused(query, ours.message, ours.code)
            raise ours from error
        self._pool.presence.served(query)
        return rows

    async def _once(self, query: LiteralString, arguments: Sequence[Any], shape: AsyncRowFactory[Row]) -> list[Row]:
        connection = await self._pool.take(min(CONNECTION_WAIT, self._pool.deadline))
        # Not a cancellation, which would ask the silent server to cancel first: the socket ends, and with it the call.
        deadline = asyncio.get_running_loop().call_later(self._pool.deadline, cut, connection)
        try:
            async with connection.cursor(row_factory=shape) as cursor:
                await cursor.execute(query, arguments)
                return await cursor.fetchall()
        except psycopg.Error as error:
            if (error.sqlstate or "").startswith((*NO_DATABASE, STALE_PLAN)):
                await connection.close()  # going down, read-only, or with plans of an older schema: use another one
            raise
        finally:
            deadline.cancel()
            await self._pool.putconn(connection)


def cut(connection: psycopg.AsyncConnection[Any]) -> None:
    """End the connection's socket, so that whoever waits on it hears at once that it is broken."""
    if not connection.closed:
        with socket.socket(fileno=os.dup(connection.pgconn.socket)) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)
