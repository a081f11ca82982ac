"""Tasks for the tests of the worker, loaded by TASK_MODULES."""

import asyncio
import ctypes
import logging
import sys
import time
from pathlib import Path
from typing import Any

from worker import Fail, Retry, task
from worker.context import Context


def note(path: str, line: str) -> None:
    with Path(path).open("a") as file:
        file.write(line)


@task
async def record(ctx: Context, path: str, n: int, seconds: float = 0.0) -> int:
    """Write down when it starts and ends."""
    note(path, f"{time.monotonic()} start {n} {ctx.attempt}\n")
    if seconds:
        await asyncio.sleep(seconds)
    note(path, f"{time.monotonic()} end {n} {ctx.attempt}\n")
    return n


@task
def plain_echo(**payload: Any) -> dict[str, Any]:
    return payload


@task
async def spin(path: str, seconds: float) -> str:
    """Keep the event loop busy."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    note(path, "spun\n")
    return "spun"


@task
async def rest_and_spin(path: str, rest: float, seconds: float) -> str:
    """Rest, then keep the event loop busy; tidy up for a moment when broken off."""
    await asyncio.sleep(rest)
    try:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            pass
    except asyncio.CancelledError:
        await asyncio.sleep(0.5)
        time.sleep(0.6)  # noqa: ASYNC251 - busy still
        note(path, "tidied up\n")
        raise
    return "spun"


@task
async def swallow_and_spin(path: str, rest: float, seconds: float) -> str:
    """Does not stop when it is cancelled: rests, and then keeps the event loop busy."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        note(path, "swallowed\n")
    await asyncio.sleep(rest)
    return await spin(path, seconds)


@task
async def hold_gil(seconds: float) -> str:
    """Hold the GIL in a C call."""
    for _ in range(int(seconds * 2)):
        ctypes.PyDLL(None).usleep(500_000)
    return "held"


@task
async def flaky(ctx: Context, good_at: int = 2) -> int:
    if ctx.attempt < good_at:
        raise Retry("not yet", after=0.05)
    return ctx.attempt


@task
async def again_soon(ctx: Context) -> int:
    if ctx.attempt == 1:
        raise Retry("soon", after=0.4)
    return ctx.attempt


@task
async def broken(message: str = "it broke", *, final: bool = False) -> None:
    if final:
        raise Fail(message)
    raise ValueError(message)


@task
async def leave() -> None:
    sys.exit(3)


@task
async def stubborn(seconds: float = 60.0) -> str:
    """Does not stop when it is cancelled."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            continue
    return "done"


@task
async def catches(seconds: float = 60.0) -> str:
    """Tidies up when it is cancelled, and returns all the same."""
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        return "tidied up"
    return "done"


@task
def polite(ctx: Context, seconds: float = 60.0) -> str:
    """A thread that stops when asked."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ctx.cancelled:
        time.sleep(0.02)
    return "stopped" if ctx.cancelled else "done"


@task
def deaf(seconds: float = 60.0) -> str:
    """A thread that never looks up."""
    time.sleep(seconds)
    return "done"


@task
async def odd_result(kind: str) -> Any:
    return {
        "nan": float("nan"),
        "nul": {"text": "a\0b"},
        "surrogate": ["\ud800"],
        "big": "x" * (1024 * 1024),
        "object": object(),
        "backslash": "a\\u0000b",
        "emoji": "🔔",
        "wide": "é" * 400_000,
    }[kind]


@task
async def spawn(ctx: Context, n: int) -> list[str]:
    return [await ctx.enqueue("echo", {"i": i}, priority=5, queue="spawned") for i in range(n)]


@task
def spawn_from_thread(ctx: Context) -> str:
    return str(ctx.enqueue("echo", {"from": "thread"}, queue="spawned"))


@task
def steps(ctx: Context, n: int = 100) -> str:
    for i in range(n):
        ctx.progress((i + 1) / n, f"step {i + 1}")
        time.sleep(0.002)
    return "done"


@task("named.task", queue="special", max_attempts=7, timeout=90)
async def with_defaults(text: str, width: int = 800) -> str:
    return text[:width]


@task
def speak() -> None:
    logging.getLogger("people").warning("hello from inside")
