"""When the worker sleeps on the bell: enqueuers ring only while it does, as ringing costs their commit dearly.

To sleep it takes the bell's lock, which waits for enqueuers in flight, and then looks once more: what was committed
before is found by that look, and what comes after finds the lock taken, and rings.

Holding the lock while awake is never wrong, only dear: so a worker that was woken out of a sleep keeps it for a moment,
and where that was time enough for what had come, it has neither to give it up nor to take it again.
"""

import asyncio
from collections.abc import Callable
from time import monotonic

from db.bell import BellLock

COOL_DOWN = 0.01  # seconds awake at least, so that a stream of tasks costs its enqueuers few rings
# What rings after so many seconds of sleep comes one by one, not in a stream: then the lock is kept for as long as
# KEEP. Without that, each of 200 tasks a second waited for the end of the cool-down that the one before it began.
SLEPT = 0.001
KEEP = 0.004


class Bell:
    """The bell's lock, taken to sleep, given up on waking. `wanted()`: why sleep? `look()`: look once more."""

    def __init__(self, lock: BellLock, wanted: Callable[[], bool], look: Callable[[], None]) -> None:
        self._lock = lock
        self._wanted = wanted
        self._look = look
        self._taken = False
        self._idle_since = float("-inf")
        self._given_at = float("-inf")
        self._giving: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def asleep(self) -> bool:
        """Whether whoever enqueues rings."""
        return self._taken and self._lock.alive()

    def fall_asleep(self) -> None:
        """Take the lock, after the cool-down, in the background; then `look`. Keep it, if it is still here."""
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None
            self._idle_since = monotonic()
        if self._work is None and not self.asleep:
            self._work = asyncio.create_task(self._take(), name="take the bell")

    def wake(self) -> None:
        """Be awake: give the lock up, in the background; after a sleep only if this lasts."""
        if self._taken and self._giving is None:
            if monotonic() - self._idle_since < SLEPT:
                self.give_up()
            else:
                self._giving = asyncio.get_running_loop().call_later(KEEP, self.give_up)

    def give_up(self) -> None:
        """Give the lock up now, in the background."""
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None
        if self._taken:
            self._taken = False
            self._given_at = monotonic()
            before, self._work = self._work, asyncio.create_task(self._give(), name="give the bell")
            assert before is None, "nobody takes what is taken"

    async def close(self) -> None:
        """Give the lock up, and its connection."""
        if self._giving is not None:
            self._giving.cancel()
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
                    self._idle_since = monotonic()
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
