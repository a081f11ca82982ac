"""The one mechanism behind hub, wsify, events and waiting, tried without any of them."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from api import reread, watch
from api.watch import TooManyWatches, Watcher
from db.client import Client
from db.errors import TaskNotFound, Unavailable
from db.listen import Listener
from db.pool import open_pool
from tests.live.driver import Driven, Driver
from tests.servers import Database


class CountingClient(Client):
    """The real client, counting its reads of watched tasks."""

    reads = 0
    rows = 0

    async def get_changed(self, known: Any) -> Any:
        self.reads += 1
        self.rows += len(known)
        return await super().get_changed(known)


class Watching:
    def __init__(self, listener: Listener, client: CountingClient) -> None:
        self.listener = listener
        self.client = client
        self.watcher = Watcher(listener, client)


@pytest.fixture
async def watching(database: Database) -> AsyncIterator[Watching]:
    pool = await open_pool(database.url, name="watching", min_size=1, max_size=3)
    listener = Listener(database.url, "watching")
    made = Watching(listener, CountingClient(pool))
    await listener.start()
    yield made
    await made.watcher.close()
    await listener.close()
    await pool.close()


async def end_of(watcher: Watcher, task: Driven) -> str:
    async with watcher.watch(task.id) as changes:
        async for state in changes:
            last = state
    status: str = last["status"]
    return status


async def until(condition: Any) -> None:
    """Wait for what the other side tells nobody about."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nothing of ours can set an event for it
            await asyncio.sleep(0.01)


async def test_many_onlookers_are_one_watch(watching: Watching, driver: Driver) -> None:
    (task,) = driver.enqueue()
    looking = [asyncio.create_task(end_of(watching.watcher, task)) for _ in range(200)]
    await until(lambda: watching.client.reads)
    assert len(watching.watcher) == 1
    driver.finish()
    assert set(await asyncio.gather(*looking)) == {"succeeded"}
    assert watching.client.reads <= 5
    assert len(watching.watcher) == 0


async def test_rings_at_once_are_read_at_once(watching: Watching, driver: Driver) -> None:
    tasks = driver.enqueue(1000)
    looking = [asyncio.create_task(end_of(watching.watcher, task)) for task in tasks]
    await until(lambda: watching.client.rows >= 1000)
    before = watching.client.reads
    driver.finish()
    assert set(await asyncio.gather(*looking)) == {"succeeded"}
    assert watching.client.reads - before <= 40


async def test_a_slow_onlooker_gets_the_newest_alone(watching: Watching, driver: Driver) -> None:
    (task,) = driver.enqueue()
    driver.claim()
    async with watching.watcher.watch(task.id) as changes:
        first = await anext(changes)
        for number in range(10):
            driver.progress(task.id, number / 10)
            await watching.client.get(task.id)
        driver.complete([task.id])
        await until(lambda: len(watching.watcher) == 0)
        rest = [state async for state in changes]
    assert first["status"] == "running"
    assert [state["status"] for state in rest] == ["succeeded"]


async def test_an_unknown_task(watching: Watching) -> None:
    for unknown in ("019ab3c4-0000-7000-8000-000000000000", "rubbish"):
        with pytest.raises(TaskNotFound):
            async with watching.watcher.watch(unknown):
                pass
    assert len(watching.watcher) == 0


async def test_finished_answers_what_was_seen_last(watching: Watching, driver: Driver) -> None:
    (task,) = driver.enqueue()
    assert (await watching.watcher.finished(task.id, 0.3))["status"] == "queued"
    waiting = asyncio.create_task(watching.watcher.finished(UUID(task.id), 10))
    await until(lambda: len(watching.watcher))
    driver.finish()
    assert (await waiting)["status"] == "succeeded"


async def test_closing_ends_every_watch(watching: Watching, driver: Driver) -> None:
    (task,) = driver.enqueue()
    waiting = asyncio.create_task(watching.watcher.finished(task.id, 30))
    await until(lambda: watching.client.reads)
    await watching.watcher.close()
    assert (await waiting)["status"] == "queued"
    with pytest.raises(Unavailable):
        await watching.watcher.finished(task.id, 1)


async def test_too_many(watching: Watching, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "MAX_WATCHED", 2)
    tasks = driver.enqueue(3)
    async with watching.watcher.watch(tasks[0].id), watching.watcher.watch(tasks[1].id):
        with pytest.raises(TooManyWatches):
            async with watching.watcher.watch(tasks[2].id):
                pass
        async with watching.watcher.watch(tasks[0].id):
            pass
    async with watching.watcher.watch(tasks[2].id):
        pass


async def test_without_any_ring_the_row_is_read_again(
    watching: Watching, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reread, "UNHEARD", 0.5)
    (task,) = driver.enqueue()
    waiting = asyncio.create_task(watching.watcher.finished(task.id, 10))
    await until(lambda: watching.client.reads)
    watching.listener.on_notify = lambda _channel, _payload: None
    driver.finish()
    assert (await waiting)["status"] == "succeeded"


async def test_a_deaf_listener_costs_a_second(watching: Watching, driver: Driver) -> None:
    await watching.listener.close()
    assert not watching.listener.hearing
    (task,) = driver.enqueue()
    waiting = asyncio.create_task(watching.watcher.finished(task.id, 10))
    await until(lambda: watching.client.reads)
    driver.finish()
    before = time.monotonic()
    assert (await waiting)["status"] == "succeeded"
    assert time.monotonic() - before < 2.5


async def test_the_same_task_again_and_again(watching: Watching, driver: Driver) -> None:
    """The channel is left and joined in quick turns; no turn may lose the LISTEN of the next."""
    (task,) = driver.enqueue()
    for _ in range(50):
        async with watching.watcher.watch(task.id) as changes:
            assert (await anext(changes))["status"] == "queued"
    async with watching.watcher.watch(task.id) as changes:
        await anext(changes)
        before = time.monotonic()
        driver.finish()
        assert (await anext(changes))["status"] == "succeeded"
        assert time.monotonic() - before < 1


async def test_a_retried_task_is_watched_anew(watching: Watching, driver: Driver) -> None:
    (task,) = driver.enqueue()
    driver.finish()
    assert await end_of(watching.watcher, task) == "succeeded"
    driver.sql.execute("select taskbell.retry(%s)", [task.id])
    waiting = asyncio.create_task(end_of(watching.watcher, task))
    await until(lambda: len(watching.watcher))
    driver.finish()
    assert await waiting == "succeeded"


@pytest.mark.slow
async def test_ten_thousand_watches_are_cheap(watching: Watching, driver: Driver) -> None:
    tasks = driver.enqueue(10_000)
    looking = [asyncio.create_task(end_of(watching.watcher, task)) for task in tasks]
    await until(lambda: watching.client.rows >= 10_000)
    reads = watching.client.reads
    assert reads < 1000
    before = time.process_time()
    await asyncio.sleep(2)  # what idle watches cost can only be seen by letting them idle
    assert time.process_time() - before < 1
    claimed = await asyncio.to_thread(driver.claim)
    for start in range(0, 10_000, 1000):
        await asyncio.to_thread(driver.complete, claimed[start : start + 1000])
    assert set(await asyncio.gather(*looking)) == {"succeeded"}
