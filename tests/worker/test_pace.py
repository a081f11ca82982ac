"""What a lane claims ahead follows how long its tasks take."""

import asyncio

from db.models import Claim
from tests.worker.lanes import claim, make_lane, until
from worker.pace import AHEAD_SECONDS, MOST_AHEAD, Batch, Pace
from worker.run import Run


def finish(pace: Pace, size: int, seconds: float) -> int:
    """Let a batch of so many take so long; return what is claimed ahead from then on."""
    batch = Batch(size)
    batch.began, batch.done = 100.0, size
    pace.finished(batch, 100.0 + seconds)
    return pace.ahead


def test_quick_batches_double_what_is_claimed_ahead_up_to_a_thousand() -> None:
    pace = Pace()
    assert pace.ahead == 0
    found = [finish(pace, 1 + pace.ahead, AHEAD_SECONDS / 10) for _ in range(13)]
    assert found == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000, 1000]
    assert MOST_AHEAD == 1000


def test_batches_that_take_half_of_50_ms_or_more_leave_it_as_it_is() -> None:
    pace = Pace()
    pace.ahead = 64
    assert finish(pace, 64, AHEAD_SECONDS * 0.6) == 64


def test_a_quick_batch_of_few_says_nothing_of_many() -> None:
    pace = Pace()
    pace.ahead = 64
    assert finish(pace, 10, 0.001) == 64


def test_a_slow_batch_shrinks_it_to_what_50_ms_hold() -> None:
    pace = Pace()
    pace.ahead = 100
    assert finish(pace, 100, 0.5) == 10
    assert finish(pace, 10, 2.0) == 0


def test_a_batch_is_too_slow_after_a_second() -> None:
    pace = Pace()
    pace.ahead = 100
    batch = Batch(100)
    batch.began, batch.done = 100.0, 40
    assert not pace.too_slow(batch, 100.99)
    assert pace.ahead == 100
    assert pace.too_slow(batch, 101.0)
    assert pace.ahead == 2  # forty in a second are two in 50 ms


async def wanted_of(tasks_take: float, claims_made: int) -> list[int]:
    """Return how many tasks a serial lane asks for, claim by claim, when each takes so long."""
    wanted: list[int] = []

    async def claims(_queue: str, want: int, _mark: Claim | None) -> list[Claim]:
        wanted.append(want)
        return [claim() for _ in range(want)]

    async def run(_run: Run) -> None:
        await asyncio.sleep(tasks_take)

    lane = make_lane(claims, run)
    lane.look()
    await until(lambda: len(wanted) >= claims_made)
    lane.close()
    await lane.looked(1)
    return wanted[:claims_made]


async def test_a_lane_of_quick_tasks_starts_with_one_and_soon_asks_for_many() -> None:
    wanted = await wanted_of(0, claims_made=30)
    assert wanted[0] == 1
    assert max(wanted) >= 16
    assert all(want <= 1 + 2**batches for batches, want in enumerate(wanted[:10]))


async def test_a_lane_of_slow_tasks_asks_for_one_at_a_time() -> None:
    assert await wanted_of(0.06, claims_made=5) == [1] * 5
