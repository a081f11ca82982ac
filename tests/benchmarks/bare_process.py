"""The least that could be called each process: `python -m tests.benchmarks.bare_process worker|web URL`.

`worker`: psycopg, redis and an event loop, with a connection to the database; `web`: Starlette on uvicorn beside it. Prints
`ready` once the database has answered, and waits.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import redis.asyncio


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[None]:
    """Ask the database, say so, stay connected."""
    redis.asyncio.Redis()
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("select 1")
        print("ready", flush=True)
        yield


async def worker(url: str) -> None:
    """Wait."""
    async with connected(url):
        await asyncio.Event().wait()


def web(url: str) -> None:
    """Serve nothing."""
    import uvicorn  # the other one does without
    from starlette.applications import Starlette

    uvicorn.run(Starlette(lifespan=lambda _app: connected(url)), port=0, log_level="error")


if __name__ == "__main__":
    asyncio.run(worker(sys.argv[2])) if sys.argv[1] == "worker" else web(sys.argv[2])
