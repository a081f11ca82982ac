"""`ctx`: what a task sees of its own run."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol

from worker.outcome import storable
from worker.run import Run

ENQUEUE_WITHIN = 30.0  # seconds a thread waits for its enqueue


class Enqueue(Protocol):
    """Puts a task into its queue, returns its id."""

    def __call__(
        self,
        task: str,
        payload: dict[str, Any] | None = None,
        *,
        queue: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
    ) -> Coroutine[Any, Any, str]:
        """Enqueue."""
        ...


class Context:
    """A run, as its task sees it. Safe to use from the task's thread."""

    def __init__(
        self, run: Run, loop: asyncio.AbstractEventLoop, tell: Callable[[Run], None], enqueue: Enqueue
    ) -> None:
        self._run = run
        self._loop = loop
        self._tell = tell
        self._enqueue = enqueue
        self._saw_stop = False

    @property
    def id(self) -> str:
        """The task's id."""
        return self._run.id

    @property
    def attempt(self) -> int:
        """Which attempt this is, counted from 1."""
        return self._run.attempt

    @property
    def cancelled(self) -> bool:
        """Whether the run was asked to stop: cancelled, out of time, or its worker is stopping."""
        if self._run.stop is not None:
            self._saw_stop = True
            return True
        return False

    def progress(self, fraction: float | None = None, note: str | None = None) -> None:
        """Tell how far it is: `fraction` 0 to 1, a `note` of at most 1 KiB. Watchers hear at most ten a second."""
        if fraction is not None:
            if not math.isfinite(fraction):
                raise ValueError(f"progress is a number from 0 to 1, not {fraction}")
            self._run.fraction = min(max(float(fraction), 0.0), 1.0)
        if note is not None:
            self._run.note = storable(str(note))
        if self._run.dirty or (fraction is None and note is None):
            return
        self._run.dirty = True
        if self._run.on_thread:
            self._loop.call_soon_threadsafe(self._tell, self._run)
        else:
            self._tell(self._run)

    def enqueue(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> Any:
        """Put another task into its queue; returns its id. To be awaited in a coroutine, a plain call in a thread.

        Options as in SQL: queue, priority, run_at, max_attempts, timeout (seconds), idempotency_key. It is a
        transaction of its own: the task is there even if this run fails afterwards.
        """
        coming: Awaitable[str] = self._enqueue(task, payload, **options)
        if not self._run.on_thread:
            return coming
        return asyncio.run_coroutine_threadsafe(_wait(coming), self._loop).result(ENQUEUE_WITHIN)

    @property
    def saw_stop(self) -> bool:
        """Whether the task has looked at `cancelled` and found it true."""
        return self._saw_stop


async def _wait(coming: Awaitable[str]) -> str:
    return await coming
