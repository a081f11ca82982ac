"""The heart: a process of its own that says "my worker lives, and these queues are its", every 1.5 s.

A task that keeps the event loop busy, or holds the GIL for a minute, can't starve it. It says nothing for a worker
that is stopped, and ends with a worker that is dead. `worker.pulse` starts it and hears from it: JSON, line by line,
the worker's `Wishes` on stdin, a `Report` a beat on stdout.
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
from redis.exceptions import LockError, RedisError

from db import settings as settings_module
from db.errors import DatabaseError
from db.models import Beat
from db.pool import open_pool
from db.worker_client import WorkerClient
from worker.lock import LIFE, connect, lock_of

EVERY = 1.5  # seconds between beats
LEAST = 0.02  # seconds between beats, however much is asked
DATABASE_WITHIN = 3.0  # seconds for a beat's answer, later than the pool's own deadline, which just ends the socket
LINE = 1024 * 1024  # bytes of wishes at most: the names of all that is held
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


class Report(NamedTuple):
    """What a beat brought. `at`: when it began (monotonic clock, the same in both processes)."""

    at: float
    beaten: bool  # the database took it: the lease counts from `at`
    known: bool  # False: the worker must register again
    held: list[str]  # queues extended; their life counts from `at`
    gone: list[str]  # queues that somebody else has, or nobody; those in neither list: could not be asked
    cancel: list[str]  # tasks asked to stop
    redis: bool  # Redis answers, or is not used


class Heart:
    """Beats for one worker."""

    def __init__(self, client: WorkerClient, redis: Redis | None, parent: int) -> None:
        self._client = client
        self._redis = redis
        self._parent = psutil.Process(parent)
        self._wishes: Wishes | None = None
        self._changed = asyncio.Event()
        self._until: dict[str, float] = {}  # when what it holds ends: by queue, and "" for the lease
        self._out = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)

    def wish(self, wishes: Wishes) -> None:
        """Take the worker's wishes; new ones are seen to at once."""
        before = self._wishes
        anew = before is None or wishes.tokens.keys() != before.tokens.keys() or wishes.nudges != before.nudges
        now = monotonic()
        self._until = {"": self._until.get("", now + LEASE)} | {
            queue: self._until.get(queue, now + LIFE) for queue in wishes.tokens
        }
        self._wishes = wishes
        if anew or wishes.stopping:
            self._changed.set()

    async def beat_on(self) -> None:
        """Beat until cancelled."""
        while True:
            began = monotonic()
            if self._wishes is not None and not self._stopped():
                await self._beat(self._wishes, began)
            self._alarm()
            next_end = min((end - monotonic() for end in self._until.values() if end > monotonic()), default=EVERY)
            with contextlib.suppress(TimeoutError):
                pause = min(began + EVERY - monotonic(), next_end + 0.01)
                await asyncio.wait_for(self._changed.wait(), max(pause, 0.0))
            self._changed.clear()
            await asyncio.sleep(began + LEAST - monotonic())

    async def _beat(self, wishes: Wishes, began: float) -> None:
        fine, gone, redis_answers = await self._extend(wishes)
        lock = "postgres" if self._redis is None else "redis" if redis_answers else "lost"
        beat: Beat | None = None
        if self._stopped():  # in the meantime
            return
        try:
            async with asyncio.timeout(DATABASE_WITHIN):
                beat = await self._client.heartbeat(
                    UUID(wishes.worker), fine, listening=wishes.listening, lock=lock, stopping=wishes.stopping
                )
        except (DatabaseError, TimeoutError):
            # Nobody can take a queue over while there is no database; where Redis holds the lock it stays ours.
            held = fine if self._redis is not None else []
        else:
            held = [queue for queue in fine if queue in beat.held]
            gone += [queue for queue in fine if queue not in beat.held]
        self._until |= dict.fromkeys(held, began + LIFE)
        if beat is not None and beat.known:
            self._until[""] = began + LEASE
        cancel = beat.cancel if beat else []
        known = beat is None or beat.known
        self._tell(Report(began, beat is not None and beat.known, known, held, gone, cancel, redis_answers))

    async def _extend(self, wishes: Wishes) -> tuple[list[str], list[str], bool]:
        """Extend the Redis locks; return the queues extended, those that are another's, and whether Redis answers."""
        if self._redis is None:
            return list(wishes.tokens), [], True
        fine: list[str] = []
        gone: list[str] = []
        try:
            if not wishes.tokens:
                await self._redis.ping()
            for queue, token in wishes.tokens.items():
                try:
                    await lock_of(self._redis, UUID(wishes.installation), queue, token).extend(LIFE, replace_ttl=True)
                    fine.append(queue)
                except LockError:
                    gone.append(queue)
        except (RedisError, OSError):
            return fine, gone, False
        return fine, gone, True

    def _alarm(self) -> None:
        """Interrupt the worker when a right of its ended: a task that keeps its event loop busy hears nothing else."""
        now = monotonic()
        ended = [name for name, end in self._until.items() if end <= now]
        for name in ended:
            del self._until[name]
        if ended:
            with contextlib.suppress(psutil.Error):
                self._parent.send_signal(signal.SIGUSR1)

    def _stopped(self) -> bool:
        if os.getppid() != self._parent.pid:
            os._exit(0)  # a child of a task may still hold our stdin open
        try:
            return self._parent.status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
        except psutil.NoSuchProcess:
            os._exit(0)

    def _tell(self, report: Report) -> None:
        # Small enough to be written whole or not at all; a worker that is busy for hours misses some.
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            self._out.write(json.dumps(report).encode() + b"\n")


async def run() -> None:
    """Beat for the parent process until it closes our stdin."""
    settings = settings_module.load()
    pool = await open_pool(settings.database_url, name="worker heart", min_size=1, max_size=1, statement_timeout=1.5)
    redis = connect(settings.redis_url) if settings.redis_url else None
    os.set_blocking(sys.stdout.fileno(), False)
    heart = Heart(WorkerClient(pool), redis, os.getppid())
    lines = asyncio.StreamReader(limit=LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    beating = asyncio.create_task(heart.beat_on())
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
