"""Short tasks in a row leave others, and the sockets, their turns; after a long one nothing begins whose right is over."""

import asyncio
import time
from time import perf_counter

import pytest

from db.models import Claim
from tests.worker.lanes import claim, make_lane, until
from worker.lane import TURN
from worker.run import Run

SHORT = 0.0001  # seconds that a task keeps the event loop
TASKS = 2000


async def test_a_slot_gives_the_event_loop_a_turn_every_two_milliseconds() -> None:
    left = TASKS
    ran = 0
    between: list[int] = []  # how many tasks ran from one turn of the loop to the next

    async def claims(_queue: str, want: int, _mark: Claim | None) -> list[Claim]:
        nonlocal left
        got = [claim() for _ in range(min(want, left))]
        left -= len(got)
        return got

    async def run(_run: Run) -> None:
        nonlocal ran
        until = perf_counter() + SHORT
        while perf_counter() < until:
            pass
        ran += 1

    async def others() -> None:
        nonlocal ran
        while True:
            if ran:
                between.append(ran)
            ran = 0
            await asyncio.sleep(0)

    lane = make_lane(claims, run)
    watching = asyncio.create_task(others())
    lane.look()
    await until(lambda: sum(between) == TASKS)
    watching.cancel()
    lane.close()
    assert max(between) <= TURN / SHORT + 1
    assert len(between) < TASKS / 2  # and not after each: a turn costs more than most tasks do


async def test_what_waits_behind_a_task_that_kept_the_event_loop_does_not_begin_when_the_right_is_over() -> None:
    right = True
    began: list[str] = []
    last: list[str] = []

    async def claims(_queue: str, want: int, _mark: Claim | None) -> list[Claim]:
        return [claim() for _ in range(want)]

    async def run(run: Run) -> None:
        nonlocal right
        began.append(run.id)
        if right and len(lane.runs()) > 2:  # some wait
            time.sleep(0.01)  # noqa: ASYNC251 - meanwhile nobody comes round to close the lane
            right = False
            last.append(run.id)

    lane = make_lane(claims, run, lambda _queue, exclusive: right and exclusive)
    lane.look()
    await until(lambda: not lane.busy and not lane.looking)
    assert began[-1:] == last
    assert not lane.open


async def test_what_a_claim_brings_when_the_right_is_over_goes_back() -> None:
    began: list[str] = []

    async def claims(_queue: str, want: int, _mark: Claim | None) -> list[Claim]:
        return [claim() for _ in range(want)]

    async def run(run: Run) -> None:
        began.append(run.id)

    lane = make_lane(claims, run, lambda _queue, **_: False)
    lane.look()
    await until(lambda: not lane.looking)
    assert (began, lane.busy, lane.open) == ([], False, False)


async def test_a_lane_that_is_closed_while_outcomes_have_no_room_claims_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claimed = 0
    room = asyncio.Event()

    async def claims(_queue: str, _want: int, _mark: Claim | None) -> list[Claim]:
        nonlocal claimed
        claimed += 1
        return []

    async def run(_run: Run) -> None:
        pass

    lane = make_lane(claims, run)
    monkeypatch.setattr(lane._reporter, "room", lambda _queue: room.wait())
    lane.look()
    await asyncio.sleep(0.01)
    lane.close()
    room.set()
    await until(lambda: not lane.looking)
    assert claimed == 0


async def test_a_task_may_be_claimed_anew_while_an_earlier_run_of_it_tidies_up() -> None:
    one = claim()
    first = [one, claim()]
    running: list[Run] = []
    end = asyncio.Event()

    async def claims(_queue: str, _want: int, _mark: Claim | None) -> list[Claim]:
        found, first[:] = first[:], []
        return found

    async def run(run: Run) -> None:
        running.append(run)
        await end.wait()

    lane = make_lane(claims, run)
    lane.concurrency = 3
    lane.look()
    await until(lambda: len(running) == 2 and not lane.looking)
    first.append(one._replace(token="another"))
    lane.look()
    await until(lambda: len(running) == 3)
    assert lane.runs() == running
    end.set()
    await until(lambda: not lane.busy)
    assert not lane._slots, "each slot ended well"
