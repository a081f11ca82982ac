"""The last mile: every watcher gets its result though APIs die; slow, dead and hostile clients cost nobody else anything."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from api.watch import Watcher
from db.client import Client
from db.listen import Listener
from db.pool import open_pool
from tests.live.driver import Driven, Driver
from tests.live.sockets import RudeSocket, open_socket, say
from tests.servers import Database, Process, Processes

MEGABYTES = 1024 * 1024


def resident(process: Process) -> float:
    """Return what an API and its children hold in memory, in MiB."""
    root = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in (root, *root.children(recursive=True))) / MEGABYTES


def websocket_of(base: str) -> str:
    return base.replace("http", "ws") + "/ws"


async def result_of(bases: list[str], task: Driven, joined: Callable[[], None]) -> dict[str, Any]:
    """Watch as a client does: connect to any API, join, keep the newest; come again when it is cut off."""
    while True:
        for base in bases:
            try:
                async with open_socket(websocket_of(base), open_timeout=30) as websocket:
                    await say(websocket, "join", channel=task.id, token=task.token)
                    async for message in websocket:
                        state: dict[str, Any] = json.loads(message)
                        joined()
                        if state["status"] == "succeeded":
                            return state
            except (ConnectionClosed, OSError, InvalidHandshake, TimeoutError):
                await asyncio.sleep(0.1)


async def test_an_api_killed_with_500_watchers_costs_none_its_result(
    run_api: Callable[..., str],
    processes: Processes,
    database: Database,
    driver: Driver,
    slack: Callable[[], float],
) -> None:
    first, second = run_api(database), run_api(database)
    doomed = processes.started[-2]
    tasks = driver.enqueue(500)
    states = 0

    def joined() -> None:
        nonlocal states
        states += 1

    async with asyncio.timeout(90), asyncio.TaskGroup() as group:
        watching = [group.create_task(result_of([first, second], task, joined)) for task in tasks]
        while states < 500:  # noqa: ASYNC110 - counted by the watchers
            await asyncio.sleep(0.05)
        await asyncio.to_thread(doomed.kill)
        killed = time.monotonic()
        driver.finish()
    assert time.monotonic() - killed < 30 + slack()
    results = [watched.result()["result"] for watched in watching]
    assert sorted(results) == list(range(500))


async def test_slow_and_dead_clients_hold_up_nobody_and_cost_bounded_memory(
    run_api: Callable[..., str], processes: Processes, database: Database, driver: Driver
) -> None:
    base = run_api(database)
    api = processes.started[-1]
    tasks = driver.enqueue(100, json.dumps({"text": "x" * 7000}))
    rude = [await asyncio.to_thread(RudeSocket, websocket_of(base)) for _ in range(50)]
    before = resident(api)
    driver.claim()
    for socket in rude:
        for task in tasks[:20]:
            socket.say("join", channel=task.id, token=task.token)
    for number in range(50):
        for task in tasks[:20]:
            driver.progress(task.id, number / 50, "n" * 1000)
    for socket in rude[:25]:
        socket.reset()
    async with asyncio.timeout(20):
        good = asyncio.create_task(result_of([base], tasks[99], lambda: None))
        driver.complete([task.id for task in tasks])
        assert (await good)["status"] == "succeeded"
    assert resident(api) - before < 60, "MiB more"
    for socket in rude[25:]:
        socket.close()


@pytest.mark.parametrize(("flood", "code"), [("bad tokens", 1008), ("huge messages", 1009), ("joins", 0)])
async def test_a_flood_ends_in_refusals_not_in_memory(
    run_api: Callable[..., str], processes: Processes, database: Database, driver: Driver, flood: str, code: int
) -> None:
    base = run_api(database)
    api = processes.started[-1]
    victim, honest = driver.enqueue(2)
    said = {
        "bad tokens": json.dumps({"command": "join", "args": {"channel": victim.id, "token": "x" * 100}}),
        "huge messages": "x" * MEGABYTES,
        "joins": json.dumps({"command": "join", "args": {"channel": victim.id, "token": victim.token}}),
    }[flood]

    async def attack() -> None:
        for _ in range(4):
            async with open_socket(websocket_of(base), open_timeout=30, close_timeout=2) as websocket:
                with suppress(ConnectionClosed):
                    for _ in range(300):
                        await websocket.send(said)
                if code:  # joining one task again and again is one watch, and is read more slowly instead
                    async with asyncio.timeout(30):
                        await websocket.wait_closed()
                    assert websocket.close_code == code, "sent away"

    before = resident(api)
    async with asyncio.timeout(100), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(attack())
        waiting = group.create_task(result_of([base], honest, lambda: None))
        driver.finish()
        async with asyncio.timeout(20):
            assert (await waiting)["status"] == "succeeded"
    assert resident(api) - before < 80, "MiB more"
    assert api.popen.poll() is None


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
