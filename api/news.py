"""Waiting for news: an asyncio.Event for one who waits, in a tenth of the memory.

An Event keeps a queue of those who wait, 750 bytes of it before anybody does; a waiting websocket has two of them.
"""

import asyncio


class News:
    """`wait` returns once somebody has told, since the last `clear`. One may wait at a time."""

    __slots__ = ("_come", "_waiter")

    def __init__(self) -> None:
        self._come = False
        self._waiter: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """There is news: whoever waits goes on, and the next does not wait."""
        self._come = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        """What has come is taken."""
        self._come = False

    async def wait(self) -> None:
        """Return when there is news."""
        if self._come:
            return
        if self._waiter is not None:
            raise RuntimeError("somebody waits for this news already")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
