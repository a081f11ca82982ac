"""Tells the database how runs end and how far they are, many at a time, beside claiming and running.

At once when nothing else is in flight; else what comes in while a statement is under way, or within a few
milliseconds, goes into the next one.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from time import monotonic

from db.models import Refusal
from db.worker_client import WorkerClient
from worker.clock import Clock
from worker.outbox import BUSY_AGAIN, MOST, Outbox
from worker.outcome import Failure, storable
from worker.run import Run

GATHER = 0.002  # seconds in which outcomes gather while others are in flight
ROOM = 4000  # outcomes that may wait; beyond that no more is claimed
PROGRESS_EVERY = 0.1  # seconds between two reports of one run

log = logging.getLogger(__name__)


class Reporter:
    """The one way of outcomes to the database. `busy()`: is more in flight? `lost`: as an outbox's `stale`."""

    def __init__(
        self, client: WorkerClient, clock: Clock, busy: Callable[[], bool], lost: Callable[[Run, bool], None]
    ) -> None:
        self._client = client
        self._clock = clock
        self._busy = busy
        self.on_failed: Callable[[], None] = lambda: None  # the database knows of failures; some may be due again soon
        self._done: Outbox[str] = Outbox(self._complete, lost, self._unfit)
        self._failed: Outbox[Failure] = Outbox(self._fail, lost, self._drop)
        self._interrupted: Outbox[str] = Outbox(self._break_off, lost, self._drop)
        self._released: Outbox[None] = Outbox(self._release, lambda _run, _again: None, self._drop)
        self._progress: Outbox[None] = Outbox(self._tell_progress, lost, lambda _run, _error: None)
        self._dirty: dict[Run, None] = {}
        self._work = asyncio.Event()
        self._resting = True

    def succeeded(self, run: Run, result: str) -> None:
        """Take a result, as JSON text."""
        run.settled = True
        run.ended = monotonic()
        self._done.put(run, result)
        self._work.set()

    def failed(self, run: Run, failure: Failure) -> None:
        """Take a failure."""
        run.settled = True
        run.ended = run.ended or monotonic()
        self._failed.put(run, failure)
        self._work.set()

    def interrupted(self, run: Run, reason: str) -> None:
        """Take a run that had to be broken off: back to the queue, free of charge."""
        run.settled = True
        self._interrupted.put(run, reason)
        self._work.set()

    def released(self, runs: Iterable[Run]) -> None:
        """Take what was claimed and has not begun: back to the queue, free of charge."""
        for run in runs:
            run.settled = True
            self._released.put(run, None)
            self._work.set()

    def progressed(self, run: Run) -> None:
        """Take note that a run has begun, or has progress to tell."""
        if run.settled:
            return  # an abandoned run, that still talks
        self._dirty[run] = None
        self._work.set()

    def unsettled(self) -> list[Run]:
        """Return the runs whose outcome the database may not know yet."""
        return [run for box in (self._done, self._failed, self._interrupted, self._released) for run in box.runs()]

    async def room(self, queue: str) -> None:
        """Wait while more outcomes wait than should, or what this queue gets back: it comes first in its order."""
        back = (self._interrupted, self._released)
        while len(self._done) + len(self._failed) > ROOM or any(box.owes(queue) for box in back):  # noqa: ASYNC110 - rarely, and briefly
            await asyncio.sleep(GATHER)

    async def drained(self) -> None:
        """Wait until everything is told."""
        while not self._resting or self._work.is_set() or self.unsettled():  # noqa: ASYNC110 - once
            await asyncio.sleep(GATHER)

    async def work(self) -> None:
        """Tell what comes in, until cancelled."""
        while True:
            self._resting = True
            await self._work.wait()
            self._resting = False
            if len(self._done) < MOST and self._busy():
                await asyncio.sleep(GATHER)
            self._work.clear()
            if self._dirty:
                self._gather_progress()
                await self._progress.empty()
            boxes = (self._done, self._failed, self._interrupted, self._released)
            if any([await box.empty() for box in boxes]):  # each of them, and the others meanwhile
                asyncio.get_running_loop().call_later(BUSY_AGAIN, self._work.set)

    def _gather_progress(self) -> None:
        """Take what is due: ten times a second, for what still runs. Its last word goes out right before its end."""
        now = monotonic()
        due = [run for run in self._dirty if not run.settled and now - run.told_at >= PROGRESS_EVERY]
        self._take_progress(due, now)
        if any(not run.settled for run in self._dirty):
            asyncio.get_running_loop().call_later(PROGRESS_EVERY / 4, self._work.set)

    async def _last_words(self, runs: list[Run]) -> None:
        if self._dirty:
            self._take_progress([run for run in runs if run in self._dirty], monotonic())
            await self._progress.empty()

    def _take_progress(self, runs: list[Run], now: float) -> None:
        for run in runs:
            del self._dirty[run]
            run.dirty = False
            run.told_at = now
            run.announced = True
            self._progress.put(run, None)

    async def _tell_progress(self, runs: list[Run], _values: list[None]) -> dict[str, Refusal]:
        now = monotonic()
        refused = await self._client.progress(
            [self._about(run, now) | {"fraction": run.fraction, "note": run.note} for run in runs]
        )
        for run in runs:
            if refused.get(run.id) == "busy":  # next time, or right before its end, with what there is to tell by then
                del refused[run.id]
                self._dirty[run] = None
        return refused

    async def _complete(self, runs: list[Run], results: list[str]) -> dict[str, Refusal]:
        await self._last_words(runs)
        now = monotonic()
        ids, tokens = [run.id for run in runs], [run.token for run in runs]
        ages, ends = [now - run.began for run in runs], [now - run.ended for run in runs]
        sent = self._clock.sent_at(now)
        return self._forget(runs, await self._client.complete(ids, tokens, ages, results, ends, sent))

    async def _fail(self, runs: list[Run], failures: list[Failure]) -> dict[str, Refusal]:
        await self._last_words(runs)
        now = monotonic()
        refused = await self._client.fail(
            [
                self._about(run, now)
                | {
                    "gone": now - run.ended,
                    "outcome": failure.verdict,
                    "error": {"type": failure.type, "message": failure.message},
                    "traceback": failure.traceback,
                    "after": failure.after,
                }
                for run, failure in zip(runs, failures, strict=True)
            ]
        )
        self.on_failed()
        return self._forget(runs, refused)

    async def _break_off(self, runs: list[Run], reasons: list[str]) -> dict[str, Refusal]:
        await self._last_words(runs)
        refused: dict[str, Refusal] = {}
        for reason in set(reasons):
            some = [run for run, why in zip(runs, reasons, strict=True) if why == reason]
            ids, tokens = [run.id for run in some], [run.token for run in some]
            refused |= await self._client.release(ids, tokens, begun=True, reason=reason)
        return self._forget(runs, refused)

    async def _release(self, runs: list[Run], _values: list[None]) -> dict[str, Refusal]:
        return await self._client.release([run.id for run in runs], [run.token for run in runs])

    def _about(self, run: Run, now: float) -> dict[str, object]:
        return {"id": run.id, "token": run.token, "age": now - run.began, "sent": self._clock.sent_at(now)}

    def _forget(self, runs: list[Run], refused: dict[str, Refusal]) -> dict[str, Refusal]:
        """Have no last words any more for runs whose end is told."""
        if self._dirty:
            for run in runs:
                if refused.get(run.id) != "busy":
                    self._dirty.pop(run, None)
        return refused

    def _unfit(self, run: Run, error: Exception) -> None:
        log.warning("%s: its result can't be stored: %s", run, error)
        self._failed.put(run, Failure("fail", "BadResult", storable(f"the result can't be stored: {error}")))

    def _drop(self, run: Run, error: Exception) -> None:
        log.error("%s: the database can't take how it ended: %s", run, error)
