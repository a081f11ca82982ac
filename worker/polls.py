"""When the worker polls: once a second, sooner where something asks for it, and less often where that takes long."""

import asyncio
from collections.abc import Callable
from time import monotonic

from worker.rest import rest

POLL = 1.0  # seconds: how late a task starts at most when nothing rings
BUSY_LOOK = 0.05  # seconds between looks at the other queues while one is drained
POLL_SHARE = 8  # … or as many times as long as such a poll took


class Polls:
    """Keeps the times of one worker's polls. `poke()`: poll now."""

    def __init__(self, poke: Callable[[], None]) -> None:
        self.began_at = float("-inf")
        self._poke = poke
        self._pause = BUSY_LOOK
        self._soon: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Note that one begins; what was to come soon comes with it."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self.began_at = monotonic()

    def end(self) -> float:
        """Note that it has answered; return when the next one is due."""
        self._pause = rest(monotonic() - self.began_at, BUSY_LOOK, POLL_SHARE)
        return self.began_at + POLL

    def while_busy(self) -> float:
        """Return when to look at the other queues, while one is drained."""
        return monotonic() + self._pause

    def soon(self, pause: float = 0.0) -> None:
        """Learn what is due when; at most so often, as others' queues ring here too."""
        if self._soon is None:
            at = max(self.began_at + BUSY_LOOK, monotonic() + pause)
            self._soon = asyncio.get_running_loop().call_at(at, self._poke)
