"""When the worker sleeps on the bell: enqueuers ring only while it does, as ringing costs their commit dearly.

To sleep it takes the bell's lock, which waits for enqueuers in flight, and then looks once more: what was committed
before is found by that look, and what comes after finds the lock taken, and rings.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from db.bell import BellLock

COOL_DOWN = 0.01  # seconds awake at least, so that a stream of tasks costs its enqueuers few rings


class Bell:
    """The bell's lock, taken to sleep, given up on waking. `wanted()`: why sleep? `look()`: look once more."""

    def __init__(self, lock: BellLock, wanted: Callable[[], bool], look: Callable[[], None]) -> None:
        self._lock = lock
        self._wanted = wanted
        self._look = look
        self._taken = False
        self._given_at = float("-inf")
        self._work: asyncio.Task[None] | None = None

    @property
    def asleep(self) -> bool:
        """Whether whoever enqueues rings."""
        return self._taken and self._lock.alive()

    def fall_asleep(self) -> None:
        """Take the lock, after the cool-down, in the background; then `look`."""
        if self._work is None and not self.asleep:
            self._work = asyncio.create_task(self._take(), name="take the bell")

    def wake(self) -> None:
        """Give the lock up, in the background: the worker is awake."""
        if self._taken:
            self._taken = False
            self._given_at = monotonic()
            before, self._work = self._work, asyncio.create_task(self._give(), name="give the bell")
            assert before is None, "nobody takes what is taken"

    async def close(self) -> None:
        """Give the lock up, and its connection."""
        if self._work is not None:
            self._work.cancel()
        self._taken = False
        await self._lock.close()

    async def _take(self) -> None:
        await asyncio.sleep(self._given_at + COOL_DOWN - monotonic())
        while self._wanted():
            if await self._lock.take():
                if self._wanted():
                    self._taken = True
                    self._look()
                else:
                    self._given_at = monotonic()
                    await self._lock.give()
                break
            if not self._lock.alive():
                break  # no connection: the next poll sees to it
        self._work = None
        if self._lock.alive() and self._wanted():
            self.fall_asleep()  # what was wanted changed while the lock was under way

    async def _give(self) -> None:
        await self._lock.give()
        self._work = None
        if self._wanted():
            self.fall_asleep()
