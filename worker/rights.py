"""Which lanes may claim and run: by their lock, by the worker's lease, and not while they are paused."""

import logging
from collections.abc import Collection, Mapping
from time import monotonic
from uuid import UUID

from db.models import QueueState
from db.presence import Kind, Presence
from worker.heart import Report
from worker.lane import Lane
from worker.lock import Locks
from worker.pulse import Pulse

PART = "heart"  # of the process, as its `Presence` knows it
UNBEATEN = 4.0  # seconds without an accepted beat after which that is said
KEEP_IDLE = 60.0  # seconds an exclusive queue without tasks stays held
MANY = 500  # queues held, beyond which those without tasks stay held only for
KEEP_MANY_IDLE = 1.0  # seconds: each costs the heart some of the time that a beat has
ALWAYS_HELD = frozenset({"default", "public"})

log = logging.getLogger(__name__)


class Rights:
    """Opens and closes lanes."""

    def __init__(self, worker: UUID, lanes: Mapping[str, Lane], locks: Locks, pulse: Pulse, presence: Presence) -> None:
        self.stopping = False
        self._worker = worker
        self._lanes = lanes
        self._locks = locks
        self._pulse = pulse
        self._presence = presence
        self._lapsed = False  # the lease is over
        self._broken: set[str] = set()  # queues in which something was broken off that has not ended yet
        self._beaten_at = monotonic()  # when the last beat that was accepted began
        self._listening = False
        self._line: list[QueueState] = []  # whose locks to settle, the first one last

    def refresh(self, lane: Lane) -> None:
        """Open or close a lane, as its rights are now."""
        if lane.exclusive:
            self._pulse.shared.discard(lane.queue)
        else:
            self._pulse.shared.add(lane.queue)
        may = not self.stopping and not lane.paused and not self._lapsed
        if may and lane.exclusive:
            may = lane.queue in self._locks.tokens and lane.queue in self._pulse.sure
        if may and not lane.open:
            lane.open = True
            lane.look()
        elif lane.open and not may:
            lane.close()

    def line_up(self, states: Collection[QueueState]) -> bool:
        """Line up the queues whose locks should be taken or given up; tell whether there are any.

        What a poll did not look at keeps its place, so that nobody's thousand queues stand before another's first one.
        """
        told = {state.queue for state in states}
        self._line = [state for state in self._line if state.queue not in told]
        self._line += [state for state in states if self._to_take(state) or self._to_give(state)]
        # Who waits comes before what is idle, unless that is too much to hold.
        many = self._holds_many()
        self._line.sort(key=lambda state: (self._to_give(state) != many, state.turn), reverse=True)
        return bool(self._line)

    async def settle(self) -> None:
        """Take and give up the locks that are lined up, meanwhile too. `DatabaseError`: there is no database."""
        while self._line:
            state = self._line.pop()
            lane = self._lanes.get(state.queue)
            if lane is None or self.stopping:
                continue
            if self._to_give(state):
                await self._give(lane)
            elif self._to_take(state):
                began = monotonic()
                if await self._locks.take(state.queue):
                    log.info("won queue %s", state.queue)
                    self._pulse.held(state.queue, began)
                    self.tell()
                    self._refresh(state.queue)
                elif not self._locks.answers:
                    self._line.clear()  # one time-out is enough for now

    def hear(self, report: Report) -> None:
        """Take a report of the heart: what is held, and what was lost."""
        self._say(report)
        if report.beaten and self._lapsed:
            self._lapsed = False
            self._pulse.nudge()  # so that the heart rings no more
        for queue in report.gone:
            if queue in self._locks.tokens and queue not in self._pulse.sure:
                log.error("lost queue %s to another worker, or its Redis lock is gone", queue)
                self._locks.forget(queue)
                self.tell()
        for lane in list(self._lanes.values()):
            self.refresh(lane)

    def _say(self, report: Report) -> None:
        """Note whether beats are accepted: an idle worker writes nothing else."""
        if report.beaten:
            self._beaten_at = report.at
            self._presence.found(PART, "the database accepts heartbeats again")
        elif report.at - self._beaten_at > UNBEATEN:
            sentence = "the database accepts no heartbeat: is it away, full or read-only?"
            self._presence.lost(PART, "", sentence=sentence, kind=Kind.UNSURE)

    def expire(self, now: float) -> None:
        """Break off what may not run any longer; said where something does."""
        ended = [queue for queue, end in self._pulse.until.items() if now >= end]
        for queue in ended:
            self._pulse.dropped(queue)
            self._locks.forget(queue)
        if broken := [queue for queue in ended if queue not in self._pulse.shared and self._break_off(queue)]:
            log.error("could not be confirmed for a lock's life: breaking off what runs of queue %s", ", ".join(broken))
        if now >= self._pulse.lease_until and not self._lapsed:
            self._lapsed = True
            if [queue for queue in list(self._lanes) if self._break_off(queue)]:
                log.error("no heartbeat was taken for a lease: breaking off all that runs")
        if ended or self._broken:
            self._broken = {queue for queue in self._broken if self._still_runs(queue)}
            self.tell()

    def tell(self, *, listening: bool | None = None) -> None:
        """Tell the heart what is held."""
        if listening is not None:
            self._listening = listening
        over = bool(self._broken)
        self._pulse.wish(tokens=self._locks.tokens, listening=self._listening, stopping=self.stopping, over=over)

    def ask(self) -> None:
        """Have the heart beat at once: something was asked of one of our tasks."""
        self._pulse.nudge()

    def _break_off(self, queue: str) -> bool:
        """Close a lane and stop what runs in it; tell whether anything did."""
        lane = self._lanes.get(queue)
        if lane is None:
            return False
        lane.close()
        lane.stop("lost")
        if lane.running:
            self._broken.add(queue)
        return bool(lane.running)

    def _still_runs(self, queue: str) -> bool:
        """Tell whether something that was broken off runs on, though the queue may be ours again."""
        lane = self._lanes.get(queue)
        return lane is not None and any(run.lost for run in lane.running)

    def _to_take(self, state: QueueState) -> bool:
        if not state.exclusive or state.paused or state.queue in self._locks.tokens:
            return False
        return self._wanted(state) if state.free else state.holder == self._worker

    def _to_give(self, state: QueueState) -> bool:
        lane = self._lanes.get(state.queue)
        if lane is None or state.queue not in self._locks.tokens or lane.busy:
            return False
        idle = monotonic() - max(lane.found_at, lane.made_at) > (KEEP_MANY_IDLE if self._holds_many() else KEEP_IDLE)
        return not state.exclusive or (idle and not self._wanted(state))

    async def _give(self, lane: Lane) -> None:
        lane.close()
        self._pulse.dropped(lane.queue)
        await self._locks.give(lane.queue)
        self.tell()
        self._refresh(lane.queue)

    def _refresh(self, queue: str) -> None:
        """Refresh the lane that a queue has by now: a poll may have forgotten it meanwhile, or made another one."""
        if (lane := self._lanes.get(queue)) is not None:
            self.refresh(lane)

    def _wanted(self, state: QueueState) -> bool:
        """Tell whether to hold a queue; one rule for taking and giving up, or it would go to and fro each second."""
        soon = state.next_due_in is not None and state.next_due_in < KEEP_IDLE
        return state.due or (soon and not self._holds_many()) or state.queue in ALWAYS_HELD

    def _holds_many(self) -> bool:
        return len(self._locks.tokens) > MANY
