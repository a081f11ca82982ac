"""Go's unbuffered channels, with the one property that matters here: sending on a closed one ends the process."""

import asyncio
import os
import sys
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

Value = TypeVar("Value")


def panic(reason: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(f"panic: {reason}\n\ngoroutine 1 [running]:\n")
    sys.stderr.flush()
    os._exit(2)


class Channel(Generic[Value]):
    """Each `send` waits until somebody receives."""

    def __init__(self) -> None:
        self._offered: deque[tuple[Value, asyncio.Future[None]]] = deque()
        self._receivers: deque[asyncio.Future[None]] = deque()
        self._closed = False

    async def send(self, value: Value) -> None:
        if self._closed:
            panic("send on closed channel")
        taken = asyncio.get_running_loop().create_future()
        self._offered.append((value, taken))
        if self._receivers:
            self._receivers.popleft().set_result(None)
        await taken

    async def __aiter__(self) -> AsyncIterator[Value]:
        while True:
            while not self._offered:
                if self._closed:
                    return
                waiting = asyncio.get_running_loop().create_future()
                self._receivers.append(waiting)
                await waiting
            value, taken = self._offered.popleft()
            taken.set_result(None)
            yield value

    def close(self) -> None:
        self._closed = True
        if self._offered:
            panic("send on closed channel")
        while self._receivers:
            self._receivers.popleft().set_result(None)
