"""For people's own tests: a `ctx` for a task called as the ordinary function it is."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from db.models import Claim
from worker.context import Context
from worker.pace import Batch
from worker.run import Run


class TestContext(Context):
    """A `ctx` that remembers what the task did with it."""

    __test__ = False  # pytest: not a class of tests

    def __init__(self, *, attempt: int, cancelled: bool, on_thread: bool) -> None:
        now = datetime.now(UTC)
        claim = Claim(uuid4(), uuid4(), "test", "{}", attempt, max(attempt, 3), 3600.0, 0, now, now)
        run = Run(claim, "default", Batch(1))
        loop = asyncio.new_event_loop()
        loop.close()  # nothing runs on it
        super().__init__(run, loop, lambda _run: None, self._remember)
        self.reports: list[tuple[float | None, str | None]] = []
        self.enqueued: list[tuple[str, dict[str, Any], dict[str, Any]]] = []
        self._on_thread = on_thread
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
        """Remember the task in `enqueued`: name, payload, options. Returns an id; to be awaited unless `on_thread`."""
        coming = self._remember(task, payload, **options)
        if not self._on_thread:
            return coming
        try:
            coming.send(None)
        except StopIteration as stop:
            return stop.value
        raise AssertionError("remembering never waits")

    async def _remember(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
        self.enqueued.append((task, payload or {}, options))
        return str(uuid4())


def context(*, attempt: int = 1, cancelled: bool = False, on_thread: bool = False) -> TestContext:
    """Return a `ctx` for a test: `reports` holds its progress, `enqueued` its tasks; `cancel()` asks it to stop.

    `on_thread=True` for plain functions, whose `ctx.enqueue` is a plain call.
    """
    return TestContext(attempt=attempt, cancelled=cancelled, on_thread=on_thread)
