"""For people's own tests: a `ctx` for a task called as the ordinary function it is."""

import asyncio
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from db.models import Claim
from worker.context import Context
from worker.pace import Batch
from worker.run import Run


class EnqueuedId(str):
    """A task's id, for plain functions; awaited, as in a coroutine, it is that id again."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, str]:
        """Return the id without waiting."""
        yield from ()
        return str(self)


class TestContext(Context):
    """A `ctx` that remembers what the task did with it."""

    __test__ = False  # pytest: not a class of tests

    def __init__(self, *, attempt: int, cancelled: bool) -> None:
        now = datetime.now(UTC)
        claim = Claim(str(uuid4()), str(uuid4()), "test", "{}", attempt, max(attempt, 3), 3600.0, 0, now, now)
        run = Run(claim, "default", Batch(1))
        loop = asyncio.new_event_loop()
        loop.close()  # nothing runs on it
        super().__init__(run, loop, lambda _run: None, _never)
        self.reports: list[tuple[float | None, str | None]] = []
        self.enqueued: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        if cancelled:
            self.cancel()

    def cancel(self) -> None:
        """From now on `ctx.cancelled` is true."""
        self._run.stop = "cancel"

    def progress(self, fraction: float | None = None, note: str | None = None) -> None:
        """Remember a report in `reports`."""
        super().progress(fraction, note)
        self._run.dirty = False
        self.reports.append((fraction, note))

    def enqueue(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> Any:
        """Remember the task in `enqueued`: name, payload, options. Returns an id, which a coroutine may await."""
        self.enqueued.append((task, payload or {}, options))
        return EnqueuedId(uuid4())


async def _never(*_: Any, **__: Any) -> str:
    raise AssertionError("a test's context remembers, and enqueues nothing")


def context(*, attempt: int = 1, cancelled: bool = False) -> TestContext:
    """Return a `ctx` for a test: `reports` holds its progress, `enqueued` its tasks; `cancel()` asks it to stop."""
    return TestContext(attempt=attempt, cancelled=cancelled)
