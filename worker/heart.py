"""The heart: a process of its own that says "my worker lives, and these queues are its", every 1.5 s.

A task that keeps the event loop busy, or holds the GIL for a minute, can't starve it. It says nothing for a worker
that is stopped, and ends with a worker that is dead. `worker.spawn` starts it, `worker.pulse` hears from it: JSON, line
by line, the worker's `Wishes` on stdin, a `Report` a beat on stdout.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from db import settings as settings_module
from db.errors import DatabaseError
from db.models import Beat
from db.pool import open_pool
from db.worker_client import WorkerClient
from worker.lock import LIFE, MARGIN, connect, prolong
from worker.telling import Teller

EVERY = 1.5  # seconds between beats
AGAIN = 0.5  # … while the database takes none: what runs of exclusive queues has a lock's life until one is taken
INSIST = 60.0  # seconds it rings on after a right was over, unless the worker says that it has seen to that
LOOK = 0.25  # seconds between two looks at what ends, at most, and between rings while it is not ended
LEAST = 0.02  # seconds between beats, however much is asked
DATABASE_WITHIN = 3.0  # seconds for a beat's answer, later than the pool's own deadline, which just ends the socket
LINE = 16 * 1024 * 1024  # bytes of wishes at most: the names of all that is held
CONNECTION: dict[str, Any] = {"max_size": 1, "statement_timeout": 1.5, "longest_pause": 0.2}  # late beats end runs
LEASE = 30.0  # seconds the claims of a worker live after its last beat

log = logging.getLogger("worker.heart")


class Wishes(NamedTuple):
    """What the worker wants told: sent whole, whenever it changes."""

    worker: str
    installation: str
    tokens: dict[str, str | None]  # of the exclusive queues it holds; None: no Redis
    listening: bool
    stopping: bool
    nudges: int  # counted up to have a beat at once
    over: bool  # something runs on that was broken off: it is to be interrupted again and again
    until: dict[str, float]  # when what may still run of an exclusive queue must end, of lost ones too; "": the lease's


class Report(NamedTuple):
    """What a beat brought. `at`: when it began (monotonic clock, the same in both processes)."""

    at: float
    beaten: bool  # the database took it: the lease counts from `at`
    known: bool  # False: the worker must register again
    held: list[str]  # queues extended; their life counts from `at`
    gone: list[str]  # queues that somebody else has, or nobody; those in neither list: could not be asked
    cancel: list[str]  # tasks asked to stop
    redis: bool  # Redis answers, or is not used
    nudges: int  # those of the wishes that it was made by: of what was won since, it tells nothing


class Heart:
    """Beats for one worker."""

    def __init__(self, client: WorkerClient, redis: Redis | None, parent: int) -> None:
        self._client = client
        self._redis = redis
        self._parent = psutil.Process(parent)
        self._wishes: Wishes | None = None
        self._changed = asyncio.Event()
        self._until: dict[str, float] = {}  # as the worker told last, moved on by each beat
        self._taken, self._ring_until = True, float("-inf")  # the last beat, by the database; how long to ring
        self._teller = Teller(sys.stdout.fileno())

    def wish(self, wishes: Wishes) -> None:
        """Take the worker's wishes; new ones are seen to at once."""
        before = self._wishes
        anew = before is None or wishes.tokens.keys() != before.tokens.keys() or wishes.nudges != before.nudges
        self._until = {queue: max(end, self._until.get(queue, 0.0)) for queue, end in wishes.until.items()}
        self._wishes, self._ring_until = wishes, float("inf" if wishes.over else "-inf")
        if anew or wishes.stopping:
            self._changed.set()

    async def beat_on(self) -> None:
        """Beat until cancelled."""
        while True:
            began = monotonic()
            every = EVERY
            if not self._stopped() and self._wishes is not None:  # it may die before it wishes anything
                every = await self._beat(self._wishes, began)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), max(began + every - monotonic(), 0.0))
            self._changed.clear()
            await asyncio.sleep(began + LEAST - monotonic())

    async def ring_on(self) -> None:
        """Interrupt the worker when a right of its ends: a task that keeps its event loop busy hears nothing else.

        Beside the beats, of which one waits for seconds when nobody answers.
        """
        while True:
            now = monotonic()
            ends = [end + 0.005 for end in self._until.values()]  # surely past it
            if any(end <= now for end in ends):
                self._ring_until = max(self._ring_until, now + INSIST)
            if now < self._ring_until:  # again and again: the first ring may come between two steps
                with contextlib.suppress(psutil.Error):
                    self._parent.send_signal(signal.SIGUSR1)
            await asyncio.sleep(min([LOOK, *(end - now for end in ends if end > now)]))

    async def _beat(self, wishes: Wishes, began: float) -> float:
        """Beat once; return after how many seconds, counted from `began`, the next beat is due."""
        fine, gone, redis_answers = await self._prolong(wishes)
        lock = "postgres" if self._redis is None else "redis" if redis_answers else "lost"
        beat: Beat | None = None
        if self._stopped():  # in the meantime
            return EVERY
        with contextlib.suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(DATABASE_WITHIN):
                beat = await self._client.heartbeat(
                    UUID(wishes.worker), fine, listening=wishes.listening, lock=lock, stopping=wishes.stopping
                )
        renewed = set(beat.held) if beat else set()
        held = [queue for queue in fine if queue in renewed]
        taken = beat is not None and beat.known
        if taken:  # else the rows were not looked at: nobody has them before their life is over
            gone += [queue for queue in fine if queue not in renewed]
        self._until |= {queue: began + LIFE - MARGIN for queue in held if queue in self._until}
        if taken:
            self._until[""] = began + LEASE - MARGIN
        known, cancel = beat is None or beat.known, beat.cancel if beat else []
        report = Report(began, taken, known, held, gone, cancel, redis_answers, wishes.nudges)
        self._teller.tell(json.dumps(report).encode() + b"\n")
        before, self._taken = self._taken, taken
        if not taken:
            return AGAIN
        return EVERY if before else 0.0  # at once: the Redis locks may have little left

    async def _prolong(self, wishes: Wishes) -> tuple[list[str], list[str], bool]:
        """Prolong the Redis locks; return the queues still ours, those that are not, and whether Redis answers.

        The holder row is the truth: where the database did not take the last beat, its Redis lock lives no longer than
        what is left of the row, or it would keep everybody else from a queue that we can't serve.
        """
        if self._redis is None:
            return list(wishes.tokens), [], True
        now = monotonic()
        lives = {queue: LIFE if self._taken else self._until.get(queue, 0.0) + MARGIN - now for queue in wishes.tokens}
        try:
            ours = await prolong(self._redis, UUID(wishes.installation), wishes.tokens, lives)
        except (RedisError, OSError):
            return [], [], False
        return [queue for queue in wishes.tokens if queue in ours], [q for q in wishes.tokens if q not in ours], True

    def _stopped(self) -> bool:
        if os.getppid() != self._parent.pid:
            os._exit(0)  # a child of a task may still hold our stdin open
        try:
            return self._parent.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
        except psutil.NoSuchProcess:
            os._exit(0)


async def run() -> None:
    """Beat for the parent process until it closes our stdin."""
    settings = settings_module.load()
    pool = await open_pool(settings.database_url, name="worker heart", **CONNECTION)
    redis = connect(settings.redis_url) if settings.redis_url else None
    os.set_blocking(sys.stdout.fileno(), False)
    heart = Heart(WorkerClient(pool), redis, os.getppid())
    lines = asyncio.StreamReader(limit=LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    beating = asyncio.gather(heart.beat_on(), heart.ring_on())
    while line := await lines.readline():
        wishes: list[Any] = json.loads(line)
        if (wish := Wishes(*wishes)).installation:  # it has registered
            heart.wish(wish)
        if beating.done():
            beating.result()
    os._exit(0)  # the worker is gone; nothing of ours may outlive it, a statement under way least of all


def main() -> None:
    """Run as `python -m worker.heart`, by the worker alone."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(one, signal.SIG_IGN)  # the worker decides when the heart ends
    logging.basicConfig(level=logging.CRITICAL)  # what goes wrong here is the worker's to tell
    asyncio.run(run())


if __name__ == "__main__":
    main()
