"""Waiting for an idempotency key in somebody's open transaction without holding a connection meanwhile.

Whoever waited inside the database would keep a connection of the pool for as long, and some ten of them would keep all
of it from everybody else. So a statement waits for a key only for a moment, and is tried again in between.
"""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import TypeVar

from db.errors import Busy

KEY_WAIT = 2.0  # seconds in all, as in SQL
LOCKED = "55P03"
RETRIES_AT_ONCE = 2  # of a pool's connections: whoever comes first finds the others
PAUSE_FIRST, PAUSE_MOST = 0.02, 0.25  # seconds between tries, doubling from the one to the other

Result = TypeVar("Result")


class KeyQueue:
    """Those who wait for keys, for all of a pool."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(RETRIES_AT_ONCE)

    async def run(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `attempt` does, tried again for as long as its keys are somebody's. `Busy`: they still are."""
        until = monotonic() + KEY_WAIT
        try:
            return await attempt()
        except Busy as busy:
            if busy.code != LOCKED:
                raise
            last = busy
        pause = PAUSE_FIRST
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(min(pause, left))
            pause = min(2 * pause, PAUSE_MOST)
            try:
                async with asyncio.timeout(max(until - monotonic(), 0.001)):
                    await self._turns.acquire()
            except TimeoutError:
                break
            try:
                return await attempt()
            except Busy as busy:
                if busy.code != LOCKED:
                    raise
                last = busy
            finally:
                self._turns.release()
        raise last
