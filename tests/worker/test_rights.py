"""Winning a queue takes a while, and polls come in meanwhile: who gets the right then?"""

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest

from db.models import QueueState
from db.presence import Presence
from tests.worker.lanes import claim, make_lane
from worker.lane import Lane
from worker.lock import Locks
from worker.pace import Batch
from worker.pulse import Pulse
from worker.rights import Rights
from worker.run import Run


class SlowLocks:
    """Locks that are won when the test says so."""

    def __init__(self) -> None:
        self.tokens: dict[str, str | None] = {}
        self.answers = True
        self.free = asyncio.Event()
        self.asked: list[str] = []

    async def take(self, queue: str) -> bool:
        self.asked.append(queue)
        await self.free.wait()
        self.tokens[queue] = "ours"
        return True

    def forget(self, queue: str) -> None:
        self.tokens.pop(queue)

    async def give(self, queue: str) -> None:
        self.asked.append(f"-{queue}")
        self.tokens.pop(queue)


class SurePulse:
    """A pulse that believes what it is told."""

    def __init__(self) -> None:
        self.sure: set[str] = set()
        self.shared: set[str] = set()
        self.until: dict[str, float] = {}
        self.lease_until = float("inf")

    def held(self, queue: str, _since: float) -> None:
        self.sure.add(queue)

    def dropped(self, queue: str) -> None:
        self.sure.discard(queue)
        self.until.pop(queue, None)

    def wish(self, **_wishes: Any) -> None:
        pass


def lane(queue: str) -> Lane:
    async def nothing(*_: Any) -> list[Any]:
        return []

    made = make_lane(nothing, cast("Any", nothing))
    made.queue, made.open = queue, False
    return made


def state(queue: str, *, due: bool = True, free: bool = True, turn: int = 1) -> QueueState:
    return QueueState(queue, True, 1, False, None, free, due, None, None, turn, 0.0, None)


def rights(lanes: dict[str, Lane], locks: SlowLocks) -> Rights:
    pulse = cast("Pulse", SurePulse())
    return Rights(uuid4(), lanes, cast("Locks", locks), pulse, Presence())


async def test_a_lane_that_was_forgotten_while_its_lock_was_won_is_never_opened() -> None:
    first, second = lane("q"), lane("q")
    lanes, locks = {"q": first}, SlowLocks()
    ours = rights(lanes, locks)
    assert ours.line_up([state("q")])
    settling = asyncio.create_task(ours.settle())
    await asyncio.sleep(0)
    lanes["q"] = second  # a poll that told of it no more, and one that did
    locks.free.set()
    await settling
    assert (first.open, second.open) == (False, True)
    del lanes["q"]
    assert ours.line_up([state("q", due=False)]) is False
    second.close()


@pytest.mark.parametrize("exclusive", [True, False])
async def test_the_end_of_a_lock_ends_what_runs_where_the_queue_is_exclusive_still(exclusive: bool) -> None:
    lanes, locks = {"q": lane("q")}, SlowLocks()
    locks.tokens["q"] = "ours"
    ours = rights(lanes, locks)
    ours._pulse.until["q"] = 1.0
    run = Run(claim(), "q", Batch(1))
    lanes["q"].running[run] = None
    lanes["q"].exclusive = exclusive
    ours.refresh(lanes["q"])
    ours.expire(2.0)
    assert run.stop == ("lost" if exclusive else None)
    assert lanes["q"].open is not exclusive
    assert locks.tokens == {}
    lanes["q"].close()


async def test_who_waits_comes_before_what_is_idle() -> None:
    lanes, locks = {name: lane(name) for name in ("idle", "new")}, SlowLocks()
    lanes["idle"].made_at = float("-inf")
    locks.tokens["idle"] = "ours"
    locks.free.set()
    ours = rights(lanes, locks)
    assert ours.line_up([state("idle", due=False, free=False), state("new")])
    await ours.settle()
    assert locks.asked == ["new", "-idle"]
    for one in lanes.values():
        one.close()
