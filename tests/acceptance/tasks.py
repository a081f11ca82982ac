"""Tasks of the acceptance tests, loaded by TASK_MODULES."""

import asyncio
import time
from pathlib import Path

from worker import task
from worker.context import Context

TICK = 0.02  # seconds


def uptime() -> float:
    """Return the kernel's own clock, in hundredths of a second; wrong clocks of a process don't touch it."""
    return float(Path("/proc/uptime").read_text().split()[0])


@task
async def ticks(ctx: Context, path: str, n: int, seconds: float) -> int:
    """Write a line every 20 ms for as long as it runs, whatever its worker believes."""
    until = time.monotonic() + seconds
    with Path(path).open("a", buffering=1) as file:  # noqa: ASYNC230 - a line each, at once
        while time.monotonic() < until:
            file.write(f"{time.monotonic()} tick {n} {ctx.attempt}\n")
            await asyncio.sleep(TICK)
    return n


@task
async def ticks_without_rest(ctx: Context, path: str, n: int, seconds: float) -> int:
    """As `ticks`, keeping the event loop busy all the while."""
    until = time.monotonic() + seconds
    with Path(path).open("a", buffering=1) as file:  # noqa: ASYNC230 - that is the point
        while time.monotonic() < until:
            file.write(f"{time.monotonic()} tick {n} {ctx.attempt}\n")
            time.sleep(TICK)  # noqa: ASYNC251 - likewise
    return n


@task
def ticks_in_a_thread(ctx: Context, path: str, n: int, seconds: float) -> int:
    """As `ticks`, in a thread that stops when asked."""
    until = time.monotonic() + seconds
    with Path(path).open("a", buffering=1) as file:
        while time.monotonic() < until and not ctx.cancelled:
            file.write(f"{time.monotonic()} tick {n} {ctx.attempt}\n")
            time.sleep(TICK)
    return n


@task
async def clocks() -> dict[str, float]:
    """Tell what this worker's clocks show."""
    return {"wall": time.time(), "monotonic": time.monotonic(), "true": uptime()}


@task
async def lasts(ctx: Context, path: str, n: int, seconds: float) -> int:
    """As `ticks`, by a clock that nobody can set wrong; only Linux has it."""
    until = uptime() + seconds
    with Path(path).open("a", buffering=1) as file:  # noqa: ASYNC230 - a line each, at once
        while uptime() < until:
            file.write(f"{uptime()} tick {n} {ctx.attempt}\n")
            await asyncio.sleep(TICK)
    return n
