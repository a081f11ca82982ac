"""Group commit at the door: simultaneous requests of one caller share one `enqueue_many` and one commit.

Nobody waits for company: the first request goes at once, and those that arrive while it is under way go together
after it. Each is answered after the commit that holds it. Requests with an idempotency key never come here, since
another caller's open transaction with the same key would hold up all of them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from db.errors import BadArgument, QueueFull

MAX_TOGETHER = 200  # tasks a commit: beyond that a batch gains little and its slowest member waits longer
MAX_BYTES = 4 * 1024 * 1024  # of payload in one batch, roughly

Item = dict[str, Any]
EnqueueAndGet = Callable[[list[Item], str], Awaitable[list[tuple[dict[str, Any], bool]]]]
Waiting = tuple[Item, int, asyncio.Future[dict[str, Any]]]


class Gatherer:
    """Gathers tasks per actor; `enqueue_and_get(items, actor)` answers each as JSON, in order."""

    def __init__(self, enqueue_and_get: EnqueueAndGet) -> None:
        self._enqueue_and_get = enqueue_and_get
        self._waiting: dict[str, list[Waiting]] = {}
        self._senders: set[asyncio.Task[None]] = set()

    async def enqueue(self, item: Item, size: int, actor: str) -> dict[str, Any]:
        """Enqueue one task and return it, committed. `size`: bytes of its body. Raises what the database raises."""
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        if actor in self._waiting:
            self._waiting[actor].append((item, size, done))
        else:
            self._waiting[actor] = [(item, size, done)]
            sender = asyncio.create_task(self._send_all(actor))
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return await done

    async def _send_all(self, actor: str) -> None:
        try:
            while batch := self._next_batch(actor):
                await self._send(batch, actor)
        finally:
            del self._waiting[actor]

    def _next_batch(self, actor: str) -> list[Waiting]:
        waiting = self._waiting[actor]
        batch: list[Waiting] = []
        size = 0
        while waiting and len(batch) < MAX_TOGETHER and (not batch or size + waiting[0][1] <= MAX_BYTES):
            batch.append(waiting.pop(0))
            size += batch[-1][1]
        return batch

    async def _send(self, batch: list[Waiting], actor: str) -> None:
        try:
            made = await self._enqueue_and_get([item for item, _, _ in batch], actor)
        except (BadArgument, QueueFull) as error:
            if len(batch) == 1:
                _refuse(batch, error)
                return
            # One of them broke the rules and the commit was undone for all: each gets its own answer.
            for one in batch:
                await self._send([one], actor)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear it
            _refuse(batch, error)
        else:
            for (_, _, done), (task, _) in zip(batch, made, strict=True):
                if not done.done():  # its client may have gone
                    done.set_result(task)


def _refuse(batch: list[Waiting], error: Exception) -> None:
    for _, _, done in batch:
        if not done.done():
            done.set_exception(error)
