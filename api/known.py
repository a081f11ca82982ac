"""Which tasks the workers have registered, remembered here so that an enqueue need not ask."""

import asyncio
import time

from db.client import Client
from db.models import TaskTypeRow

FRESH = 30.0  # seconds for which a remembered type is believed; a name we don't know is asked for at once

Types = dict[str, TaskTypeRow]


class KnownTasks:
    """The registered task types by name."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._types: Types = {}
        self._read_at = -FRESH
        self._reading: asyncio.Task[Types] | None = None

    async def find(self, name: str) -> TaskTypeRow | None:
        """Return the type of this name, None when no worker has registered it."""
        if name not in self._types or time.monotonic() - self._read_at > FRESH:
            await self.read()
        return self._types.get(name)

    async def read(self) -> Types:
        """Read all types anew; those who ask at the same time share one query."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
            self._reading.add_done_callback(self._forget)
        return await asyncio.shield(self._reading)

    async def _read(self) -> Types:
        types = {row["name"]: row for row in await self._client.task_types()}
        self._types, self._read_at = types, time.monotonic()
        return types

    def _forget(self, done: asyncio.Task[Types]) -> None:
        self._reading = None
        if not done.cancelled():
            done.exception()  # those who waited have it
