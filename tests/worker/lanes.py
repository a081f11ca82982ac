"""A lane with hand-made neighbours: where its tasks come from and what becomes of them is up to the test."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

from db.models import Claim
from worker.lane import Claims, Lane, MayRun
from worker.reporter import Reporter
from worker.run import Run
from worker.runner import Runner

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count(1)


def claim() -> Claim:
    """A task as the database hands it out."""
    number = next(_numbers)
    return Claim(f"task-{number}", f"token-{number}", "echo", "{}", 1, 3, 60.0, 0, EPOCH, EPOCH)


def make_lane(claims: Claims, run: Callable[[Run], Awaitable[None]], may_run: MayRun = lambda *_, **__: True) -> Lane:
    """A serial lane that may claim; `look()` sets it going."""
    runner, reporter = cast("Runner", _Runs(run)), cast("Reporter", _Room())
    lane = Lane("lane", runner, reporter, claims, may_run, lambda _lane: None)
    lane.open = True
    return lane


async def until(what: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until it is true."""
    async with asyncio.timeout(seconds):
        while not what():  # noqa: ASYNC110 - the lane rings nobody here
            await asyncio.sleep(0.005)


class _Runs:
    def __init__(self, run: Callable[[Run], Awaitable[None]]) -> None:
        self.run = run


class _Room:
    async def room(self, queue: str) -> None:
        """There is always some."""

    def released(self, runs: list[Run]) -> None:
        """Whatever goes back is gone."""
