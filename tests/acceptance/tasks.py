"""Tasks of the acceptance tests, loaded by TASK_MODULES."""

import asyncio
import time
from pathlib import Path

from worker import task
from worker.context import Context

TICK = 0.02  # seconds


@task
async def ticks(ctx: Context, path: str, n: int, seconds: float) -> int:
    """Write a line every 20 ms for as long as it runs, whatever its worker believes."""
    until = time.monotonic() + seconds
    with Path(path).open("a", buffering=1) as file:  # noqa: ASYNC230 - a line each, at once
        while time.monotonic() < until:
            file.write(f"{time.monotonic()} tick {n} {ctx.attempt}\n")
            await asyncio.sleep(TICK)
    return n
