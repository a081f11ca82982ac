"""One queue in one worker: claims ahead, runs in order, as many at once as the queue allows."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic

from db.errors import DatabaseError
from db.models import Claim
from worker.pace import Batch, Pace
from worker.reporter import Reporter
from worker.rest import rest
from worker.run import Run, Stop
from worker.runner import Runner, ask_to_stop

LOOK_AGAIN = 0.05  # seconds until a busy lane looks from the start again, for higher priorities and late commits
LOOK_SHARE = 20  # … or as many times as long as such a look took
TURN = 0.002  # seconds a slot may run short tasks before others, and the sockets, get their turn

MayRun = Callable[..., bool]  # (queue, exclusive=…)
Changed = Callable[["Lane"], None]
Claims = Callable[[str, int, Claim | None], Awaitable[list[Claim]]]


class Lane:
    """A queue's claimed tasks. `open`: it may claim and begin some. `changed()`: it found tasks, or went idle."""

    def __init__(
        self, queue: str, runner: Runner, reporter: Reporter, claims: Claims, may_run: MayRun, changed: Changed
    ) -> None:
        self.queue = queue
        self.exclusive = True
        self.concurrency = 1
        self.open = False
        self.paused = False
        self.made_at = monotonic()
        self.running: dict[Run, None] = {}  # in the order in which they began; of one task two, where one tidies up
        self.found_at = float("-inf")  # when a claim last brought something
        self.claimed = 0  # tasks so far
        self._runner = runner
        self._reporter = reporter
        self._claims = claims
        self._may_run = may_run
        self._tell = changed
        self._waiting: deque[Run] = deque()
        self._slots: set[asyncio.Task[None]] = set()
        self._looker: asyncio.Task[None] | None = None
        self._from_start = False
        self._look_at = float("-inf")  # when to look from the start again
        self._mark: Claim | None = None  # the first task of the last claim: a busy lane looks from there
        self._room = asyncio.Event()
        self._pace = Pace()

    @property
    def busy(self) -> bool:
        """Whether it has tasks that run or wait."""
        return bool(self.running or self._waiting)

    @property
    def looking(self) -> bool:
        """Whether it is about to claim again by itself."""
        return self._looker is not None

    def runs(self) -> list[Run]:
        """Return the claimed tasks that run or wait."""
        return [*self.running, *self._waiting]

    def look(self) -> None:
        """Something may be due: claim, looking from the start."""
        self._from_start = True
        self._room.set()
        if self.open and self._looker is None:
            self._looker = asyncio.create_task(self._look(), name=f"look {self.queue}")

    async def looked(self, within: float) -> None:
        """Wait until it looks no more, or for so many seconds."""
        if self._looker is not None:
            await asyncio.wait([self._looker], timeout=within)

    def close(self) -> None:
        """Claim and begin nothing more; give back what waits. What runs goes on."""
        self.open = False
        self._room.set()
        self._give_back(list(self._waiting))

    def stop(self, reason: Stop) -> None:
        """Ask everything that runs to stop."""
        for run in list(self.running):
            self.ask(run, reason)

    def ask(self, run: Run, reason: Stop) -> None:
        """Ask one run to stop; one that has not begun goes back (and ends there as cancelled, if that was asked)."""
        if run in self.running:
            ask_to_stop(run, reason)
        elif run in self._waiting:
            self._give_back([run])

    def abandon(self, run: Run) -> None:
        """Go on without a run that does not stop."""
        self.running.pop(run, None)
        self._slots -= {run.slot}
        self._runner.give_up(run)
        self._start_slots()
        self._room.set()

    def check_pace(self, now: float) -> None:
        """Give back what waits behind something slow."""
        if self._waiting and self.running:
            oldest = next(iter(self.running))
            if self._pace.too_slow(oldest.batch, now):
                self._give_back(list(self._waiting)[self._pace.ahead :])

    async def _look(self) -> None:
        try:
            while self.open:
                if (want := self._want()) <= 0:
                    self._room.clear()
                    await self._room.wait()
                    continue
                await self._reporter.room(self.queue)
                if self.open and not await self._claim(want):
                    return
        except DatabaseError:
            pass  # said elsewhere; the next poll that succeeds looks again
        finally:
            self._looker = None
            self._tell(self)

    def _want(self) -> int:
        """Return how many tasks to claim now: none until half of what was claimed ahead is used up."""
        waiting = len(self._waiting)
        if waiting > self._pace.ahead // 2:
            return 0
        return self.concurrency - len(self.running) - waiting + self._pace.ahead

    async def _claim(self, want: int) -> bool:
        """Claim once. False when nothing (more) was due."""
        now = monotonic()
        from_start = self._from_start or self._mark is None or now > self._look_at
        self._from_start = False
        claims = await self._claims(self.queue, want, None if from_start else self._mark)
        if from_start:
            self._look_at = now + rest(monotonic() - now, LOOK_AGAIN, LOOK_SHARE)
        if claims:
            self._mark, self.found_at = claims[0], monotonic()
            self.claimed += len(claims)
            self._take(claims)
            self._tell(self)
        self._from_start |= len(claims) < want and not from_start  # the end of the line, as seen from the mark
        return self._from_start or len(claims) == want

    def _take(self, claims: list[Claim]) -> None:
        batch = Batch(len(claims))
        runs = [Run(claim, self.queue, batch) for claim in claims]
        if not self._still_open():
            self._reporter.released(runs)
            return
        self._waiting.extend(runs)
        self._start_slots()

    def _still_open(self) -> bool:
        if self.open and not self._may_run(self.queue, exclusive=self.exclusive):
            self.close()  # the event loop was so busy that nobody came round to do it
        return self.open

    def _start_slots(self) -> None:
        wanted = min(self.concurrency, len(self.running) + len(self._waiting))
        while self.open and len(self._slots) < wanted:
            self._slots.add(asyncio.create_task(self._serve(), name=f"run {self.queue}"))

    async def _serve(self) -> None:
        """Run what waits, one after the other, until nothing does."""
        slot = asyncio.current_task()
        assert slot is not None
        self._still_open()
        turn = now = monotonic()
        while self._waiting and self.open and len(self._slots) <= self.concurrency:
            run = self._waiting.popleft()
            run.begin(now, slot)
            self.running[run] = None
            await self._runner.run(run)
            if run.abandoned:
                return
            del self.running[run]
            now = monotonic()
            self._pace.ended(run.batch, now)
            if len(self._waiting) <= self._pace.ahead // 2:
                self._room.set()
            if now - turn > TURN:
                await asyncio.sleep(0)
                turn = now = monotonic()
                self._still_open()
        self._slots.discard(slot)
        self._room.set()

    def _give_back(self, runs: list[Run]) -> None:
        for run in runs:
            self._waiting.remove(run)
            run.batch.size -= 1
        self._reporter.released(runs)
