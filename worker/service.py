"""One worker process from start to stop: makes the parts, starts them, and drains on SIGTERM."""

import asyncio
import logging
import os
import signal
import socket
import subprocess
from collections.abc import Coroutine, Mapping
from typing import Any
from uuid import UUID, uuid4

from db.bell import BellLock
from db.client import Client
from db.listen import Listener
from db.pool import open_pool
from db.presence import Presence
from db.settings import Settings
from db.worker_client import WorkerClient
from worker.clock import Clock
from worker.desk import Desk, upkeep
from worker.drain import drain, say_goodbye
from worker.heart import Report
from worker.lane import Lane
from worker.lock import Locks, connect
from worker.pulse import Pulse
from worker.registration import Registration
from worker.registry import TaskType
from worker.reporter import Reporter
from worker.rights import Rights
from worker.run import Run
from worker.runner import Runner
from worker.watch import watch
from worker.worker import Worker

CONNECTIONS = {"min_size": 2, "max_size": 4}  # claiming, reporting, and two for everything else

log = logging.getLogger("worker")


class Service:
    """A worker process."""

    def __init__(self, settings: Settings, types: Mapping[str, TaskType]) -> None:
        self.id = uuid4()
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self.changed = False  # its code: it should be started again
        self.failed = False
        self._presence = Presence()
        self._settings = settings
        self._types = types
        self._lanes: dict[str, Lane] = {}
        self._asked = asyncio.Event()  # to stop
        self._hurried = asyncio.Event()  # to stop at once
        self._parts: list[asyncio.Task[None]] = []

    def ask_to_stop(self) -> None:
        """Drain; asked again: stop at once."""
        (self._hurried if self._asked.is_set() else self._asked).set()

    def start_again(self) -> None:
        """Drain, to be started again with changed code; not where it is asked to stop."""
        if not self._asked.is_set():
            self.changed = True
            self.ask_to_stop()

    def _hear_signal(self) -> None:
        if self.changed:
            self.changed = False  # it drains already, and is not to start again
        else:
            self.ask_to_stop()

    async def run(self, heart: subprocess.Popen[bytes] | None) -> None:
        """Work until asked to stop, then drain. `heart`: the process, just started; None: it could not be."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._hear_signal)
        self._pulse = Pulse(self.id, self._hear)
        self._pulse.start(heart)
        url = self._settings.database_url
        async with await open_pool(url, name="worker", **CONNECTIONS, presence=self._presence) as pool:
            self._client = WorkerClient(pool)
            self._enqueuer = Client(pool)
            self._listener = Listener(url, "worker", self._presence)
            queues, types = self._settings.queues, self._types.values()
            self._registration = Registration(self._client, self.id, self.name, queues, types)
            if (installation := await self._registration.register(self._asked)) is None:
                self._pulse.stop()
                return
            self._make(installation)
            await self._worker.listen()
            self._pulse.introduce(installation)
            self._go(self._watch(), self._registration.keep(self._asked))
            await self._first_of(self._pulse.beats.wait(), self._asked.wait())
            self._announce()
            self._go(self._reporter.work(), self._worker.work(), upkeep(self._client, self._desk))
            await self._asked.wait()
            self._rights.stopping = True
            self._rights.tell()
            await drain(self._lanes.values(), self._hurried)
            await self._leave()

    def _make(self, installation: UUID) -> None:
        redis = connect(self._settings.redis_url) if self._settings.redis_url else None
        self._locks = Locks(self._client, self.id, installation, redis)
        self._rights = Rights(self.id, self._lanes, self._locks, self._pulse, self._presence)
        clock = Clock()
        self._reporter = Reporter(self._client, clock, self._busy, self._lost)
        self._desk = Desk(self._client, self.id, list(self._types), self._claimed)
        runner = Runner(self._types, self._reporter, self._enqueue)

        def make_lane(queue: str) -> Lane:
            return Lane(queue, runner, self._reporter, self._desk.claim, self._pulse.may_run, self._worker.lane_changed)

        bell = BellLock(self._settings.database_url, "worker")
        self._worker = Worker(
            self.id,
            self._client,
            self._listener,
            bell,
            self._settings.queues,
            self._lanes,
            make_lane,
            self._rights,
            self._desk,
            clock,
        )
        self._reporter.on_failed = self._worker.polls.soon

    async def _first_of(self, *waits: Coroutine[Any, Any, Any]) -> None:
        tasks = [asyncio.create_task(wait) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    def _announce(self) -> None:
        log.info(
            "worker ready: %s as %s; queues %s; lock %s; %s; tasks %s",
            self.id,
            self.name,
            ", ".join(self._settings.queues) or "all",
            "in Redis" if self._settings.redis_url else "in Postgres",
            "listening" if self._listener.hearing else "polling only",
            ", ".join(sorted(self._types)) or "none",
        )

    def _go(self, *works: Coroutine[Any, Any, None]) -> None:
        for work in works:
            part = asyncio.create_task(work, name=getattr(work, "__qualname__", None))
            part.add_done_callback(self._ended)
            self._parts.append(part)

    def _ended(self, part: asyncio.Task[None]) -> None:
        """Stop the process, which is started again: a part of it has ended, whenever that is."""
        error = None if part.cancelled() else part.exception()
        log.critical("a part of the worker failed: stopping (%s)", part.get_name(), exc_info=error)
        self.failed, self.changed = True, False
        self._asked.set()
        self._hurried.set()  # it may be the part that breaks off what lost its right

    async def _watch(self) -> None:
        await watch(self._lanes, self._reporter, self._rights, self._pulse)

    async def _leave(self) -> None:
        await self._worker.close()
        hurried = self._hurried.is_set()
        await say_goodbye(self._reporter, self._desk, self._locks, self._client, self.id, hurried=hurried)
        for part in self._parts:
            part.remove_done_callback(self._ended)
            part.cancel()
        await asyncio.gather(*self._parts, return_exceptions=True)
        self._pulse.stop()
        await self._listener.close()

    def _hear(self, report: Report) -> None:
        self._rights.hear(report)
        for task in report.cancel:
            self._worker.cancel(task)
        if not report.known and not self._rights.stopping:
            self._registration.unknown.set()

    def _busy(self) -> bool:
        return any(lane.busy for lane in self._lanes.values())

    def _claimed(self) -> list[Run]:
        return [*self._reporter.unsettled(), *(run for lane in self._lanes.values() for run in lane.runs())]

    def _lost(self, run: Run, again: bool) -> None:
        """Take note that a run's claim is no longer ours."""
        perhaps = ", or was accepted before, and the answer lost" if again else ""
        log.warning("%s: not accepted: the task is no longer this worker's%s", run, perhaps)
        if not run.settled and run.queue in self._lanes:
            self._lanes[run.queue].ask(run, "lost")

    async def _enqueue(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
        made, _ = await self._enqueuer.enqueue(task, payload, **options)
        return str(made["id"])
