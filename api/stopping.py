"""Hearing early that the process shall stop.

Uvicorn runs the lifespan's end only when every connection is done, so an answer that waits would hold up the stop.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def hear_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` in the event loop at the first SIGTERM or SIGINT, beside whoever handles it now."""
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(stop)
        handler = before[number]
        if callable(handler):
            handler(number, frame)

    try:
        for number in (int(signal.SIGTERM), int(signal.SIGINT)):
            before[number] = signal.getsignal(number)
            if callable(before[number]):  # uvicorn's; without one, the default ends the process as it should
                signal.signal(number, handle)
    except ValueError:  # not the main thread: somebody else hears the signals
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, handler)
