"""The least that could be called each process: `python -m tests.benchmarks.bare_process worker|web URL [PORT]`.

`worker`: psycopg, redis and an event loop, with a connection to the database; `web`: Starlette on uvicorn beside it. Prints
`ready` once the database has answered, and waits.
"""

import asyncio
import socket
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


def web(url: str, port: int) -> None:
    """Serve nothing but websockets that are told once, and then wait."""
    import uvicorn  # the other one does without
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket

    async def wait(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        await websocket.send_text('{"status": "queued"}')
        await websocket.receive()

    app = Starlette(routes=[WebSocketRoute("/ws", wait)], lifespan=lambda _app: connected(url))
    listening = socket.create_server(("127.0.0.1", port), backlog=2048)  # who comes before it serves, waits
    uvicorn.Server(uvicorn.Config(app, log_level="error", ws_per_message_deflate=False)).run([listening])


if __name__ == "__main__":
    asyncio.run(worker(sys.argv[2])) if sys.argv[1] == "worker" else web(sys.argv[2], int(sys.argv[3]))
