"""Short tasks in a row leave others, and the sockets, their turns."""

import asyncio
from time import perf_counter

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
