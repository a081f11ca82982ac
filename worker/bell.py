"""When the worker sleeps on the bell: enqueuers ring only while it does, as ringing costs their commit dearly.

To sleep it takes the bell's lock, which waits for enqueuers in flight, and then looks once more: what was committed
before is found by that look, and what comes after finds the lock taken, and rings.

Holding the lock while awake is never wrong, only dear: so a worker that was woken out of a sleep keeps it for a moment,
and where that was time enough for what had come, it has neither to give it up nor to take it again. And where tasks
stream in, it looks before it takes the lock, and stays awake while there are many.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from db.bell import BellLock

COOL_DOWN = 0.01  # seconds awake at least, so that a stream of tasks costs its enqueuers few rings
# What rings after so many seconds of sleep comes one by one, not in a stream: then the lock is kept for as long as
# KEEP. Without that, each of 200 tasks a second waited for the end of the cool-down that the one before it began.
SLEPT = 0.001
KEEP = 0.004
LEAVE = 1.0  # seconds in which a statement under way may be cancelled when the worker stops
STREAM = 10  # tasks that came during a cool-down, from which on not to sleep: a thousand a second


class Bell:
    """The bell's lock, taken to sleep, given up on waking.

    `wanted()`: why sleep? `glance()`: look where tasks came lately, and tell how many. `look()`: look everywhere.
    """

    def __init__(
        self,
        lock: BellLock,
        wanted: Callable[[], bool],
        glance: Callable[[], Awaitable[int]],
        look: Callable[[], None],
    ) -> None:
        self._lock = lock
        self._wanted = wanted
        self._glance = glance
        self._look = look
        self._taken = False
        self._asleep_since: float | None = None  # None: awake, or the look after taking the lock is still under way
        self._awake_at = float("-inf")  # when a cool-down began
        self._giving: asyncio.TimerHandle | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def asleep(self) -> bool:
        """Whether whoever enqueues rings."""
        return self._taken and self._lock.alive()

    def fall_asleep(self) -> None:
        """There is nothing to do: take the lock, after the cool-down, in the background; then `look`."""
        self._keep()
        if self.asleep:
            self._asleep_since = self._asleep_since or monotonic()
        elif self._work is None:
            self._taken = False  # if it was, it went with its connection
            self._work = asyncio.create_task(self._take(), name="take the bell")

    def wake(self) -> None:
        """There is something to do: give the lock up, in the background; after a sleep only if this lasts."""
        if not self._taken or self._giving is not None:
            return
        slept = self._asleep_since is not None and monotonic() - self._asleep_since > SLEPT
        self._asleep_since = None
        if slept:
            self._giving = asyncio.get_running_loop().call_later(KEEP, self.give_up)
        else:
            self.give_up()

    def give_up(self) -> None:
        """Give the lock up now, in the background."""
        self._keep()
        if self._taken:
            self._taken = False
            self._asleep_since = None
            self._awake_at = monotonic()
            before, self._work = self._work, asyncio.create_task(self._give(), name="give the bell")
            assert before is None, "nobody takes what is taken"

    async def close(self) -> None:
        """Give the lock up, and its connection."""
        self._keep()
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work], timeout=LEAVE)  # a socket that is waited for must not be closed
        self._taken = False
        await self._lock.close()

    def _keep(self) -> None:
        """Don't give the lock up after all, if that was to come."""
        if self._giving is not None:
            self._giving.cancel()
            self._giving = None

    async def _take(self) -> None:
        while True:
            await asyncio.sleep(self._awake_at + COOL_DOWN - monotonic())
            if not self._wanted():
                break
            if await self._glance() >= STREAM:
                self._awake_at = monotonic()
                continue
            if await self._lock.take():
                if self._wanted():
                    self._taken = True
                    self._look()
                else:
                    self._awake_at = monotonic()
                    await self._lock.give()
                break
            if not self._lock.alive():
                break  # no connection: the next poll sees to it
        self._work = None
        if not self._taken and self._lock.alive() and self._wanted():
            self.fall_asleep()  # what was wanted changed while the lock was under way

    async def _give(self) -> None:
        await self._lock.give()
        self._work = None
        if self._wanted():
            self.fall_asleep()
