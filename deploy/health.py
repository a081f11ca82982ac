"""Health check of a container: `python deploy/health.py URL` or `python deploy/health.py worker`. Exit 0: healthy."""  # noqa: INP001 - a script

import socket
import sys
import urllib.request

DEADLINE = 4.0  # seconds; below the timeout that compose.yaml gives a check


def answers(url: str) -> bool:
    """Tell whether `url` answers with success."""
    with urllib.request.urlopen(url, timeout=DEADLINE):  # noqa: S310 - an address from compose.yaml
        return True


def worker_beats() -> bool:
    """Tell whether the database has heard of this container's worker within the last seconds."""
    import asyncio  # noqa: PLC0415 - half of the checks need none of it

    from db.client import Client  # noqa: PLC0415
    from db.errors import DatabaseError  # noqa: PLC0415
    from db.pool import open_pool  # noqa: PLC0415
    from db.settings import load  # noqa: PLC0415

    async def ask() -> bool:
        async with asyncio.timeout(2 * DEADLINE), await open_pool(load().database_url, name="health") as pool:
            workers = await Client(pool).workers()
            return any(worker["alive"] and socket.gethostname() in worker["name"] for worker in workers)

    try:
        return asyncio.run(ask())
    except DatabaseError as error:
        raise ConnectionError(error.message) from None


if __name__ == "__main__":
    sys.path.insert(0, ".")
    try:
        healthy = worker_beats() if sys.argv[1] == "worker" else answers(sys.argv[1])
    except OSError as error:
        sys.exit(str(error) or "no answer in time")
    sys.exit(0 if healthy else "the database has not heard of this worker for a while")
