"""The last mile: every watcher gets its result though APIs die, and whatever ends just before it looks."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from api.watch import Watcher
from db.client import Client
from db.listen import Listener
from db.pool import open_pool
from tests.live.carrier import Carrier
from tests.live.driver import Driven, Driver
from tests.live.sockets import open_socket, say
from tests.servers import Database, Processes


def websocket_of(base: str) -> str:
    return base.replace("http", "ws") + "/ws"


async def result_of(bases: list[str], task: Driven, joined: Callable[[], None]) -> dict[str, Any]:
    """Watch as a client does: connect to any API, join, keep the newest; come again when it is cut off, ever later."""
    pause = 0.1
    while True:
        for base in bases:
            try:
                async with open_socket(websocket_of(base), open_timeout=30) as websocket:
                    await say(websocket, "join", channel=task.id, token=task.token)
                    async for message in websocket:
                        state: dict[str, Any] = json.loads(message)
                        joined()
                        pause = 0.1
                        if state["status"] == "succeeded":
                            return state
            except (ConnectionClosed, OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(pause)
                pause = min(2 * pause, 1)


@pytest.mark.parametrize("whom", ["the same API", "another"])
async def test_an_api_killed_with_500_watchers_costs_none_its_result(
    run_api: Callable[..., str],
    processes: Processes,
    database: Database,
    driver: Driver,
    slack: Callable[[], float],
    whom: str,
) -> None:
    doomed = Carrier(processes, database, None)
    bases = [doomed.base] if whom == "the same API" else [doomed.base, run_api(database)]
    tasks = driver.enqueue(500)
    states = 0

    def joined() -> None:
        nonlocal states
        states += 1

    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        watching = [group.create_task(result_of(bases, task, joined)) for task in tasks]
        while states < 500:  # noqa: ASYNC110 - counted by the watchers
            await asyncio.sleep(0.05)
        await asyncio.to_thread(doomed.kill)
        killed = time.monotonic()
        driver.finish()
        if whom == "the same API":
            await asyncio.to_thread(doomed.start_api)
    assert time.monotonic() - killed < 30 + await asyncio.to_thread(slack)
    results = [watched.result()["result"] for watched in watching]
    assert sorted(results) == list(range(500))


class LateListener(Listener):
    """LISTENs late: whatever a task does until then goes unheard."""

    before: Callable[[], None]

    async def listen(self, channel: str) -> bool:
        await asyncio.sleep(0.5)
        self.before()
        return await super().listen(channel)


@pytest.fixture
def driver(database: Database) -> Driver:
    """Runs tasks when the test says so."""
    return Driver(database)


@pytest.fixture
async def late(database: Database, driver: Driver) -> AsyncIterator[Watcher]:
    pool = await open_pool(database.url, name="late", min_size=1, max_size=2)
    listener = LateListener(database.url, "late")
    listener.before = lambda: driver.finish() and None
    watcher = Watcher(listener, Client(pool))
    await listener.start()
    yield watcher
    await watcher.close()
    await listener.close()
    await pool.close()


async def test_what_ends_right_before_listen_is_seen_since_the_read_comes_after(late: Watcher, driver: Driver) -> None:
    (task,) = driver.enqueue()
    assert (await late.finished(task.id, 5))["status"] == "succeeded"
