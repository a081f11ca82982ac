"""Makes the worker, and the tasks it can run, known to the database."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from uuid import UUID

from db.errors import DatabaseError
from db.worker_client import WorkerClient
from worker.registry import TaskType

AGAIN = 0.5  # seconds between tries while there is no database

log = logging.getLogger(__name__)


class Registration:
    """What this process says of itself. `queues`: those it serves; none: all."""

    def __init__(
        self, client: WorkerClient, worker: UUID, name: str, queues: Sequence[str], types: Iterable[TaskType]
    ) -> None:
        self._client = client
        self._worker = worker
        self._name = name
        self._queues = queues or None
        self._types = [one.registration() for one in types]
        self.unknown = asyncio.Event()  # the database forgot this worker, or never knew it after a failover

    async def register(self, asked: asyncio.Event) -> UUID | None:
        """Register, as soon as there is a database; return the installation's id, None if `asked` to stop before."""
        while not asked.is_set():
            try:
                return await self._client.register(
                    self._worker, self._name, os.getpid(), _version(), self._queues, self._types
                )
            except DatabaseError:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asked.wait(), AGAIN)
        return None

    async def keep(self, asked: asyncio.Event) -> None:
        """Register anew whenever it is `unknown`, until cancelled."""
        while True:
            await self.unknown.wait()
            log.warning("the database no longer knew this worker: registering again")
            await self.register(asked)
            self.unknown.clear()


def _version() -> str:
    try:
        return version("taskbell")
    except PackageNotFoundError:
        return "0"
