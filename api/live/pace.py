"""A pace that nobody exceeds in the long run, with room for a burst."""

import asyncio
import time


class Pace:
    """`take` waits as long as it must so that at most `burst` + `rate` a second come through."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = time.monotonic()

    async def take(self) -> None:
        """Return when it is this one's turn."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        if self._left < 0:
            await asyncio.sleep(-self._left / self._rate)
