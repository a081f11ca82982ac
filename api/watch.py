"""Watching tasks: the one mechanism behind websocket hub, wsify, server-sent events and `Prefer: wait`.

First LISTEN to the task's channel, then read its state, then pass on changes, until it has finished: no result slips
between. A ring is a hint (anybody can forge one, and some are lost), so each has the row read again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from api.reread import Reread
from api.watched import Changes, Task, Watched, channel_of
from db.client import Client
from db.errors import TaskNotFound, Unavailable
from db.listen import Listener

MAX_WATCHED = 20_000  # tasks at a time; each costs a channel, and the listening backend is linear in those
LISTEN_DEADLINE = 2.0  # seconds to wait for LISTEN; after that the re-reading carries the watch


class TooManyWatches(Unavailable):
    """This API watches as many tasks as it can; ask again in a moment, or look at the task without waiting."""

    code = ""  # none of the database's


class Stopping(Unavailable):
    """This API is shutting down; ask again, another one answers."""

    code = ""


class Watcher:
    """Watches tasks for all of a process; each is listened to and read once, however many look on."""

    def __init__(self, listener: Listener, client: Client) -> None:
        self._listener = listener
        self._reread = Reread(client, lambda: listener.hearing, self._drop)
        self._watched: dict[UUID, Watched] = {}
        self._by_channel: dict[str, Watched] = {}
        self._closed = False
        listener.on_notify = self._rang
        listener.on_regained = self._read_everything_again

    def __len__(self) -> int:
        """Return how many tasks are watched."""
        return len(self._watched)

    @asynccontextmanager
    async def watch(self, task_id: UUID | str) -> AsyncIterator[Changes]:
        """Give the task's present state, then each change (the newest alone to a slow reader), until it has finished.

        `TaskNotFound`: there is none; `TooManyWatches`; `Stopping`; `Unavailable`: its state can't be read just now.
        """
        changes = Changes()
        watched = self._join(_uuid(task_id), changes)
        try:
            await changes.first()
            yield changes
        finally:
            watched.audience.discard(changes)
            if not watched.audience:
                self._drop(watched)

    async def finished(self, task_id: UUID | str, timeout: float) -> Task:  # noqa: ASYNC109 - no error when it is over
        """Return the task once it has finished, or as it was last seen after `timeout` seconds."""
        newest: Task | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout), self.watch(task_id) as changes:
                async for task in changes:
                    newest = task
        if newest is None:
            raise Unavailable
        return newest

    async def close(self) -> None:
        """End every watch now: streams end, and whoever waits gets what was seen last."""
        self._closed = True
        for watched in list(self._watched.values()):
            watched.end()
        await self._reread.close()

    def _join(self, task_id: UUID, changes: Changes) -> Watched:
        if self._closed:
            raise Stopping
        watched = self._watched.get(task_id)
        if watched is None:
            if len(self._watched) >= MAX_WATCHED:
                raise TooManyWatches
            watched = self._watched[task_id] = self._by_channel[channel_of(task_id)] = Watched(task_id)
            watched.beginning = asyncio.create_task(self._begin(watched), name=f"listen for {task_id}")
        elif watched.beginning is None:
            self._reread.soon(watched)
        watched.audience.add(changes)
        watched.newcomers = True
        return watched

    async def _begin(self, watched: Watched) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_DEADLINE):
                await self._listener.listen(watched.channel)
        watched.beginning = None
        self._reread.soon(watched)

    def _drop(self, watched: Watched) -> None:
        if self._watched.get(watched.id) is not watched:
            return
        del self._watched[watched.id], self._by_channel[watched.channel]
        self._reread.forget(watched)
        if watched.beginning is not None:
            watched.beginning.cancel()
        self._listener.unlisten(watched.channel)

    def _rang(self, channel: str, _payload: str) -> None:
        watched = self._by_channel.get(channel)
        if watched is not None and watched.beginning is None:
            self._reread.soon(watched)

    def _read_everything_again(self) -> None:
        for watched in self._watched.values():
            if watched.beginning is None:
                self._reread.soon(watched)


def _uuid(task_id: UUID | str) -> UUID:
    if isinstance(task_id, UUID):
        return task_id
    try:
        return UUID(task_id)
    except ValueError:
        raise TaskNotFound(f"There is no task {task_id[:64]!r}.") from None
