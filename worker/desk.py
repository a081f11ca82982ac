"""One claim at a time: so what the database thinks is claimed can be compared with what is known here."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from db.errors import DatabaseError
from db.models import Claim
from db.worker_client import WorkerClient
from worker.run import Run


class Desk:
    """Claims for all lanes of a worker. `runs()` tells what it has claimed and not yet reported."""

    def __init__(self, client: WorkerClient, worker: UUID, tasks: Sequence[str], runs: Callable[[], list[Run]]) -> None:
        self.in_doubt = False  # a claim's answer may be lost
        self._client = client
        self._worker = worker
        self._tasks = list(tasks)
        self._runs = runs
        self._turn = asyncio.Lock()

    async def claim(self, queue: str, batch: int, after: Claim | None) -> list[Claim]:
        """Claim up to `batch` tasks of a queue, looking from `after` on or (None) from the start. `DatabaseError`."""
        async with self._turn:
            if self.in_doubt:  # what comes back is first in its order
                await self._reconcile()
            try:
                return await self._client.claim(self._worker, queue, self._tasks, batch, after)
            except BaseException:
                self.in_doubt = True
                raise

    async def reconcile(self) -> None:
        """Give back every claim that the database thinks is ours and we know nothing of. `DatabaseError`."""
        async with self._turn:
            await self._reconcile()

    async def settle(self) -> None:
        """Do so where a claim's answer may be lost. `DatabaseError`."""
        if self.in_doubt:
            await self.reconcile()

    async def close(self) -> None:
        """Do so once no claim is under way. `DatabaseError`."""
        async with self._turn:
            if self.in_doubt:
                await self._reconcile()

    async def _reconcile(self) -> None:
        tokens = {run.token for run in self._runs()}
        await self._client.reconcile(self._worker, list(tokens))
        self.in_doubt = False


async def upkeep(client: WorkerClient, desk: Desk, every: float = 60.0, batch: int = 10_000) -> None:
    """Once in so many seconds: prune, and settle what claims may have got lost. Until cancelled."""
    while True:
        await asyncio.sleep(every)
        try:
            while await client.prune_expired(batch) == batch:
                pass
            await desk.reconcile()
        except DatabaseError:
            continue  # said by the pool; again in a minute
