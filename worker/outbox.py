"""What waits to be told to the database, of one kind; told in batches, again until the database has taken it."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from db.errors import Unavailable
from db.models import Refusal
from worker.run import Run

MOST = 1000  # outcomes a statement
BULKY = 4 * 1024 * 1024  # characters of results in one, beyond which it may be their size that it failed by
AWAY = 0.5  # seconds between tries while the database is away
BUSY_AGAIN = 0.1  # seconds until what somebody else's transaction held is told again

log = logging.getLogger(__name__)
Value = TypeVar("Value")
Item = tuple[Run, Value]


class Outbox(Generic[Value]):
    """Runs and what to tell of each.

    `send` is one statement, and returns what it refused. `stale(run, again)` hears of runs whose claim is no longer
    ours; `again`: perhaps since an earlier try was taken, whose answer was lost. `unfit` hears of those that the
    database can't take.
    """

    def __init__(
        self,
        send: Callable[[list[Run], list[Value]], Awaitable[dict[str, Refusal]]],
        stale: Callable[[Run, bool], None],
        unfit: Callable[[Run, Exception], None],
    ) -> None:
        self._send = send
        self._stale = stale
        self._unfit = unfit
        self._waiting: deque[Item[Value]] = deque()
        self._sending: list[Item[Value]] = []
        self._held: list[Item[Value]] = []  # somebody else's transaction holds their rows

    def put(self, run: Run, value: Value) -> None:
        """Add a run."""
        self._waiting.append((run, value))

    def __len__(self) -> int:
        return len(self._waiting) + len(self._sending) + len(self._held)

    def runs(self) -> Iterable[Run]:
        """Return the runs of which the database may not know yet."""
        return (run for run, _ in (*self._sending, *self._held, *self._waiting))

    def owes(self, queue: str) -> bool:
        """Whether something of this queue waits to be told, and not for somebody else's transaction."""
        return any(run.queue == queue for run, _ in (*self._sending, *self._waiting))

    async def empty(self) -> bool:
        """Tell all that waits. True: somebody else's transaction holds some of it, and it should be told again soon."""
        self._waiting.extend(self._held)
        self._held = []
        while self._waiting:
            self._sending = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST))]
            self._held += await self._tell(self._sending)
            self._sending = []
        return bool(self._held)

    async def _tell(self, items: list[Item[Value]], *, again: bool = False) -> list[Item[Value]]:
        """Tell these, apart where they can't be told together; return what was busy."""
        runs, values = [run for run, _ in items], [value for _, value in items]
        while True:
            try:
                refused = await self._send(runs, values)
                break
            except Unavailable:
                again = True
                await asyncio.sleep(AWAY)  # the pool has said so, once
                if len(items) > 1 and sum(len(value) for value in values if isinstance(value, str)) > BULKY:
                    return await self._tell_halves(items, again=True)
            except Exception as error:  # noqa: BLE001 - one of them does not fit; it must not take the others along
                if len(items) == 1:
                    self._unfit(runs[0], error)
                    return []
                return await self._tell_halves(items, again=again)
        if not refused:
            return []
        for run in runs:
            if refused.get(run.id) == "stale":
                self._stale(run, again)
        return [item for item in items if refused.get(item[0].id) == "busy"]

    async def _tell_halves(self, items: list[Item[Value]], *, again: bool) -> list[Item[Value]]:
        half = len(items) // 2
        return await self._tell(items[:half], again=again) + await self._tell(items[half:], again=again)
