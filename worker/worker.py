"""The worker: waits for work, hands it to the queues' lanes. NOTIFY for speed, a poll each second for certainty."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Collection
from time import monotonic
from uuid import UUID

from db.bell import BellLock
from db.errors import DatabaseError
from db.listen import Listener
from db.models import QueueState
from db.worker_client import WorkerClient
from worker.bell import Bell
from worker.clock import Clock
from worker.desk import Desk
from worker.lane import Lane
from worker.lookout import Lookout
from worker.polls import BUSY_LOOK, Polls
from worker.rights import Rights

SOON = 0.01  # seconds that a poll gives way to what else a ring was about
AWAY = 0.5  # seconds between polls while the database is away
WAKE = "taskbell_wake"

log = logging.getLogger(__name__)


class Worker:
    """Polls, hears rings, and sleeps. `served`: the queues it may touch; empty: all."""

    def __init__(
        self,
        worker: UUID,
        client: WorkerClient,
        listener: Listener,
        bell: BellLock,
        served: Collection[str],
        lanes: dict[str, Lane],
        make_lane: Callable[[str], Lane],
        rights: Rights,
        desk: Desk,
        clock: Clock,
    ) -> None:
        self._id = worker
        self._client = client
        self._listener = listener
        self._bell = Bell(bell, self._may_sleep, self._glance, self._poke)
        self._served = served
        self._lanes = lanes
        self._make_lane = make_lane
        self._rights = rights
        self._desk = desk
        self._clock = clock
        self._own_channel = f"taskbell_worker_{worker.hex}"
        self._stirred = asyncio.Event()
        self._poked = False
        self._seen = 0  # tasks claimed until the last glance
        self.polls = Polls(self._poke)
        self._lookout = Lookout()
        self._settling: asyncio.Task[None] | None = None
        listener.on_notify = self._hear
        listener.on_regained = self._poke
        listener.on_lost = self._bell.give_up

    async def listen(self) -> None:
        """Connect the listener, and listen for rings and for what is asked of this worker."""
        await self._listener.start()
        for channel in (WAKE, self._own_channel):
            await self._listener.listen(channel)

    async def work(self) -> None:
        """Work until cancelled."""
        while True:
            self._poked = False
            self.polls.begin()
            try:
                states = await self._client.poll(self._id, *self._lookout.look(self._lanes))
                again = self.polls.end()
                for state in states[:1]:
                    self._clock.hear(state.clock, self.polls.began_at)
                await self._desk.settle()
            except DatabaseError:
                self._bell.give_up()
                await asyncio.sleep(AWAY)  # the pool has said so, once
                continue
            await self._rest(self._tend(states, again))

    async def close(self) -> None:
        """Sleep no more, hear nothing more."""
        if self._settling is not None:
            self._settling.cancel()
        await self._bell.close()

    def lane_changed(self, _lane: Lane) -> None:
        """Hear that a lane found tasks, or has nothing to look for any more."""
        if self._draining():
            self._bell.wake()
        elif self._may_sleep():
            self._bell.fall_asleep()
        self._stirred.set()

    def _tend(self, states: list[QueueState], again: float) -> float:
        """Bring the lanes in line with what a poll told; return when to poll again: then, or when something is due."""
        now = monotonic()
        for state in states:
            lane = self._lanes.get(state.queue)
            if lane is None:
                lane = self._lanes[state.queue] = self._make_lane(state.queue)
            lane.exclusive, lane.concurrency, lane.paused = state.exclusive, state.concurrency, state.paused
            self._rights.refresh(lane)
            if state.due:
                lane.look()
            elif state.next_due_in is not None:
                again = min(again, now + state.next_due_in)
        if (named := self._lookout.see(states)) is not None:
            self._forget_lanes(named)
        if self._rights.line_up(states) and (self._settling is None or self._settling.done()):
            self._settling = asyncio.create_task(self._settle(), name="settle locks")
        self._rights.tell(listening=self._listener.hearing)
        return again if self._lookout.go_on_at is None else min(again, self._lookout.go_on_at)

    async def _settle(self) -> None:
        with contextlib.suppress(DatabaseError):
            await self._rights.settle()
        self._stirred.set()

    def _forget_lanes(self, named: Collection[str]) -> None:
        for queue, lane in list(self._lanes.items()):
            if queue not in named and not lane.busy and not lane.looking:
                lane.close()
                del self._lanes[queue]

    async def _rest(self, until: float) -> None:
        """Sleep until it is time to poll: when something rings that no lane serves, or at `until` at the latest."""
        while not self._poked:
            if self._draining():
                until = min(until, self.polls.while_busy())
            elif self._may_sleep():
                self._bell.fall_asleep()
            left = until - monotonic()
            if left <= 0:
                return
            self._stirred.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._stirred.wait()

    def _draining(self) -> bool:
        """Whether a lane goes from claim to claim."""
        lately = monotonic() - BUSY_LOOK
        return any(lane.looking and lane.found_at > lately for lane in self._lanes.values())

    def _may_sleep(self) -> bool:
        """Whether to sleep on the bell: rings are heard, and are of use here. A standby's poll is enough."""
        return self._listener.hearing and any(lane.open for lane in self._lanes.values()) and not self._draining()

    async def _glance(self) -> int:
        """Look into the queues that had tasks a moment ago; return how many tasks came since the last glance."""
        lately = monotonic() - BUSY_LOOK
        for lane in list(self._lanes.values()):
            if lane.found_at > lately and not lane.busy:
                lane.look()
                await lane.looked(BUSY_LOOK)
        before, self._seen = self._seen, sum(lane.claimed for lane in self._lanes.values())
        return self._seen - before

    def _poke(self) -> None:
        self._poked = True
        self._stirred.set()

    def _hear(self, channel: str, payload: str) -> None:
        if channel == self._own_channel:
            self._rights.ask()  # somebody cancels a task; anybody can ring, so the database is asked, not the ring
        elif not self._served or not payload or payload in self._served:  # no name: very many queues
            self._lookout.ring(payload)
            lane = self._lanes.get(payload)
            if lane is not None and lane.open:
                lane.look()
                self.polls.soon(SOON)  # it may be about a task that is due in half a second
            else:  # a new queue, or one that is given up
                self.polls.soon()

    def cancel(self, task: str) -> None:
        """Ask what runs of a task here to stop: perhaps an earlier run, that tidies up, and one anew."""
        for lane in self._lanes.values():
            for run in lane.runs():
                if run.id == task:
                    lane.ask(run, "cancel")
