"""Reads watched tasks when they rang, and once in a while without any ring, many rows in one query."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from api.watched import Watched
from db.client import Client
from db.errors import DatabaseError, TaskNotFound, Unavailable

BATCH = 100  # rows a query: bounds what payloads of 1 MiB take in memory
UNHEARD = 10.0  # seconds without a ring after which a row is read again
UNHEARD_DEAF = 1.0  # the same while the listener hears nothing
BACK_OFF = (0.1, 2.0)  # seconds between tries while the database is away: first, longest

log = logging.getLogger(__name__)


class Reread:
    """One query at a time: what rings meanwhile gathers for the next, so load makes batches and idleness no delay."""

    def __init__(self, client: Client, is_hearing: Callable[[], bool], on_over: Callable[[Watched], None]) -> None:
        self._client = client
        self._is_hearing = is_hearing
        self._on_over = on_over
        self._asked: dict[UUID, Watched] = {}  # to be read, the first asked for first
        self._known: OrderedDict[UUID, tuple[float, Watched]] = OrderedDict()  # by when each was read
        self._work = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def soon(self, watched: Watched) -> None:
        """Read this task's row with the next query."""
        self._asked[watched.id] = watched
        self._work.set()
        if self._reader is None or self._reader.done():  # a flaw of ours in one row must not blind all the others
            self._reader = asyncio.create_task(self._read_forever(), name="watcher")
            self._reader.add_done_callback(_tell)

    def forget(self, watched: Watched) -> None:
        """Read this task no more."""
        watched.over = True
        self._asked.pop(watched.id, None)
        self._known.pop(watched.id, None)

    async def close(self) -> None:
        """Read nothing more."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def _read_forever(self) -> None:
        pause = BACK_OFF[0]
        while True:
            await self._wait_for_work()
            batch = list(self._asked.values())[:BATCH]
            try:
                await self._read(batch)
            except DatabaseError as error:
                if not isinstance(error, Unavailable):
                    log.error("can't read watched tasks: %s", error)  # noqa: TRY400 - its sentence says it
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACK_OFF[1])
            else:
                pause = BACK_OFF[0]

    async def _wait_for_work(self) -> None:
        while not self._asked:
            self._work.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(UNHEARD_DEAF if self._known else None):
                    await self._work.wait()
            self._ask_for_the_unheard()
        if len(self._asked) < BATCH:  # under a load that never pauses too
            self._ask_for_the_unheard()

    def _ask_for_the_unheard(self) -> None:
        oldest = time.monotonic() - (UNHEARD if self._is_hearing() else UNHEARD_DEAF)
        for read_at, watched in self._known.values():
            if read_at > oldest:
                break
            self._asked[watched.id] = watched

    async def _read(self, batch: list[Watched]) -> None:
        known = {watched.id: watched.begin_read() for watched in batch}
        for task_id in known:
            del self._asked[task_id]  # a ring from here on asks for the next query
        try:
            changed = await self._client.get_changed(known)
        except DatabaseError as error:
            for watched in batch:
                if not watched.over:
                    watched.failed(error)
                    self._asked[watched.id] = watched
            raise
        now = time.monotonic()
        for watched in batch:
            if not watched.over:
                self._known[watched.id] = (now, watched)
                self._known.move_to_end(watched.id)
                self._take(watched, changed)

    def _take(self, watched: Watched, changed: dict[UUID, dict[str, Any] | None]) -> None:
        if watched.id not in changed:
            return
        task = changed[watched.id]
        if task is None:
            watched.end(TaskNotFound(f"There is no task {watched.id}."))
        elif watched.show(task):
            return
        self._on_over(watched)


def _tell(reader: asyncio.Task[None]) -> None:
    if not reader.cancelled() and (error := reader.exception()):
        log.error("reading watched tasks stopped; the next ring starts it again", exc_info=error)
