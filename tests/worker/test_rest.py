"""Looks that take long come rarely: what an old transaction makes slow is not asked for all the time."""

import asyncio
import time
from itertools import pairwise
from time import monotonic

import pytest

from db.models import Claim
from tests.worker.lanes import claim, make_lane, until
from worker.lane import LOOK_AGAIN
from worker.polls import BUSY_LOOK, POLL, Polls
from worker.rest import rest
from worker.run import Run


@pytest.mark.parametrize(
    ("took", "seconds"), [(0.0, 0.05), (0.002, 0.05), (0.01, 0.2), (0.03, 0.6), (0.2, 1.0), (30.0, 1.0)]
)
def test_the_rest_is_a_multiple_of_the_look_within_bounds(took: float, seconds: float) -> None:
    assert rest(took, 0.05, 20) == pytest.approx(seconds)


async def gaps_between_looks_from_the_start(look_takes: float, looks: int) -> list[float]:
    """Drain a queue without end, whose looks from the start take so long; looks from the mark take nothing."""
    begun: list[float] = []

    async def claims(_queue: str, want: int, mark: Claim | None) -> list[Claim]:
        if mark is None:
            begun.append(monotonic())
            await asyncio.sleep(look_takes)
        return [claim() for _ in range(want)]

    async def run(_run: Run) -> None:
        await asyncio.sleep(0.001)

    lane = make_lane(claims, run)
    lane.look()
    await until(lambda: len(begun) >= looks)
    lane.close()
    await lane.looked(1)
    return [after - before for before, after in pairwise(begun)]


async def test_a_slow_look_from_the_start_is_followed_by_the_next_a_second_later() -> None:
    for gap in await gaps_between_looks_from_the_start(0.2, looks=3):
        assert gap >= 1.0  # twenty times as long would be four


async def test_a_look_of_20_ms_is_followed_by_the_next_after_twenty_times_that() -> None:
    for gap in await gaps_between_looks_from_the_start(0.02, looks=4):
        assert gap >= 0.4


async def test_quick_looks_from_the_start_come_every_50_ms() -> None:
    gaps = await gaps_between_looks_from_the_start(0, looks=11)
    assert min(gaps) >= LOOK_AGAIN
    assert sorted(gaps)[len(gaps) // 2] < 0.2  # some come later where the machine does other work


def test_a_slow_poll_is_followed_by_the_next_after_eight_times_that() -> None:
    assert pause_after_a_poll_of(0.08) >= 0.08 * 8
    assert pause_after_a_poll_of(0.2) == pytest.approx(POLL, abs=0.01)


def test_quick_polls_of_the_other_queues_come_every_50_ms() -> None:
    assert min(pause_after_a_poll_of(0) for _ in range(10)) == pytest.approx(BUSY_LOOK, abs=0.005)


def pause_after_a_poll_of(seconds: float) -> float:
    """Return how long a busy worker then waits before it polls again."""
    polls = Polls(lambda: None)
    polls.begin()
    time.sleep(seconds)
    polls.end()
    now = monotonic()
    return polls.while_busy() - now
