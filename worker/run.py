"""One run of one task: what was claimed, and how far it is."""

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from db.models import Claim

if TYPE_CHECKING:
    from worker.pace import Batch

# Why a run was asked to stop. lost: its worker no longer has the right to run it; shutdown: its worker is stopping.
Stop = Literal["cancel", "timeout", "lost", "shutdown"]
GRACE = 10.0  # seconds a run has to stop when asked, and to tidy up; then it is abandoned, or interrupted again


class Run:
    """A claimed task in this process. Times are of the monotonic clock, in seconds."""

    __slots__ = (
        "abandoned",
        "announced",
        "asked_at",
        "attempt",
        "batch",
        "began",
        "dirty",
        "ended",
        "fraction",
        "future",
        "id",
        "interrupted_at",
        "lost",
        "note",
        "on_thread",
        "payload",
        "queue",
        "settled",
        "slot",
        "stop",
        "task",
        "timeout",
        "token",
        "told_at",
    )

    def __init__(self, claim: Claim, queue: str, batch: "Batch") -> None:
        self.id = claim.id
        self.token = claim.token
        self.task = claim.task
        self.payload = claim.payload
        self.attempt = claim.attempt
        self.timeout = claim.timeout
        self.queue = queue
        self.batch = batch
        self.began = 0.0
        self.ended = 0.0  # when its outcome was handed to the reporter
        self.slot: asyncio.Task[None] | None = None  # the asyncio task that runs it
        self.on_thread = False
        self.future: asyncio.Future[Any] | None = None  # what comes of its thread
        self.stop: Stop | None = None
        self.asked_at = 0.0  # when it was asked to stop
        self.lost = False  # its worker has lost the right to run it, whatever it was asked before
        self.interrupted_at = float("-inf")  # by a signal, in the midst of its code
        self.announced = False  # the database knows that it has begun
        self.settled = False  # its outcome is with the reporter; what it does from now on counts for nothing
        self.abandoned = False
        self.fraction: float | None = None
        self.note: str | None = None
        self.dirty = False  # has progress that is not yet told
        self.told_at = 0.0  # when progress was last told

    def begin(self, now: float, slot: asyncio.Task[None]) -> None:
        """Note that it begins, in this asyncio task."""
        self.began = now
        self.slot = slot
        self.batch.began = self.batch.began or now

    def __str__(self) -> str:
        return f"{self.task}/{self.attempt} {self.id}"
