"""Outcomes go to the database at once while nothing else is in flight, else together, a thousand at most."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from db.worker_client import WorkerClient
from tests.worker.lanes import claim, until
from worker import reporter as module
from worker.clock import Clock
from worker.pace import Batch
from worker.reporter import Reporter
from worker.run import Run

NEVER = 3600.0  # seconds


class Database:
    """What the reporter tells: how many outcomes a statement. `answers` is set while it answers."""

    def __init__(self) -> None:
        self.told: list[int] = []
        self.answers = asyncio.Event()
        self.answers.set()

    async def complete(self, ids: list[str], *_others: Any) -> dict[str, Any]:
        self.told.append(len(ids))
        await self.answers.wait()
        return {}


@asynccontextmanager
async def reporting(database: Database, *, busy: bool) -> AsyncIterator[Reporter]:
    reporter = Reporter(cast("WorkerClient", database), Clock(), lambda: busy, lambda _run, _again: None)
    working = asyncio.create_task(reporter.work())
    await turns()
    yield reporter
    working.cancel()


def end(reporter: Reporter, runs: int) -> None:
    for _ in range(runs):
        reporter.succeeded(Run(claim(), "default", Batch(1)), "null")


async def turns() -> None:
    """Let the event loop come round a few times, which takes no timer."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def gather(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets how long outcomes gather, so that no test hangs on the two milliseconds."""
    return lambda seconds: monkeypatch.setattr(module, "GATHER", seconds)


async def test_a_lone_outcome_is_told_at_once(gather: Callable[[float], None]) -> None:
    gather(NEVER)
    database = Database()
    async with reporting(database, busy=False) as reporter:
        end(reporter, 1)
        await turns()
        assert database.told == [1]


async def test_while_more_runs_outcomes_gather(gather: Callable[[float], None]) -> None:
    gather(0.2)
    database = Database()
    async with reporting(database, busy=True) as reporter:
        end(reporter, 1)
        await turns()
        assert database.told == []
        end(reporter, 20)
        await until(lambda: database.told)
        assert database.told == [21]


async def test_they_gather_for_milliseconds() -> None:
    database = Database()
    async with reporting(database, busy=True) as reporter:
        end(reporter, 1)
        await until(lambda: database.told, seconds=1)
    assert module.GATHER == 0.002


async def test_what_ends_while_a_statement_is_under_way_goes_into_the_next_one(
    gather: Callable[[float], None],
) -> None:
    gather(NEVER)
    database = Database()
    async with reporting(database, busy=False) as reporter:
        database.answers.clear()
        end(reporter, 1)
        await turns()
        for _ in range(50):
            end(reporter, 1)
            await asyncio.sleep(0)
        database.answers.set()
        await turns()
        assert database.told == [1, 50]


async def test_a_thousand_wait_no_longer_and_no_statement_has_more(gather: Callable[[float], None]) -> None:
    gather(NEVER)
    database = Database()
    async with reporting(database, busy=True) as reporter:
        end(reporter, 2500)
        await turns()
        assert database.told == [1000, 1000, 500]
