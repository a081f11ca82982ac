"""Whether a connection that listens would hear a ring, also where a pooler stands in between.

A ring of one's own comes back with its answer, so behind a pooler it proves nothing: both pass over whichever server
connection is at hand. There the ring must come from another connection.
"""

from typing import Any

import psycopg


async def is_pooled(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Tell whether a pooler answers in Postgres's place: it names another process than the one that works for us."""
    cursor = await connection.execute("select pg_backend_pid()")
    row = await cursor.fetchone()
    return row is not None and row[0] != connection.info.backend_pid


async def ring_from_elsewhere(options: dict[str, Any], channel: str) -> None:
    """Ring `channel` (plain characters only) on a connection of its own. Raises `psycopg.Error`."""
    async with await psycopg.AsyncConnection.connect(**options, autocommit=True) as other:
        await other.execute("select pg_notify(%s, '')", [channel])
