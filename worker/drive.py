"""Runs a coroutine inside the present asyncio task, in a context of its own, and knows when its code is what runs.

A task a run would cost more than most runs do. Each step of the coroutine goes through here, so what it sets in
context variables stays its own, and a signal handler can tell whether it interrupts people's code or ours.
"""

import asyncio
import types
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

from worker.run import Run

_stepping: list[Run] = []  # the run whose code the main thread executes just now, if any


class Interrupted(asyncio.CancelledError):
    """Raised inside a coroutine that keeps the event loop busy after its claim was lost."""


@types.coroutine
def drive(run: Run, coroutine: Coroutine[Any, Any, Any], context: Context) -> Generator[Any, Any, Any]:
    """Await `coroutine` on behalf of `run`, in `context`; return what it returns, raise what it raises."""
    step: Any = coroutine.send
    value: Any = None
    while True:
        _stepping.append(run)
        try:
            awaited = context.run(step, value)
        except StopIteration as stop:
            return stop.value
        finally:
            _stepping.clear()
        try:
            value = yield awaited
            step = coroutine.send
        except BaseException as error:  # noqa: BLE001 - cancellation and all belong to the coroutine
            step, value = coroutine.throw, error


def stepping() -> Run | None:
    """Return the run whose code the main thread is in. For signal handlers."""
    return _stepping[0] if _stepping else None
