"""Slow, dead and flooding websocket clients: they are refused, others notice nothing, and memory stays bounded."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from api.live import hub
from api.live.hub_connection import MAX_JOINS
from tests.acceptance.test_last_mile import result_of, websocket_of
from tests.live.driver import Driver
from tests.live.sockets import RudeSocket, hear, open_socket, say
from tests.servers import Database, Process, Processes

MEGABYTES = 1024 * 1024


@pytest.fixture
def driver(database: Database) -> Driver:
    """Runs tasks when the test says so."""
    return Driver(database)


def resident(process: Process) -> float:
    """Return what an API and its children hold in memory, in MiB."""
    root = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in (root, *root.children(recursive=True))) / MEGABYTES


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


@pytest.mark.slow
async def test_a_flood_of_many_joins_is_refused_and_keeps_nobody_out(
    run_api: Callable[..., str], processes: Processes, database: Database, driver: Driver
) -> None:
    base = run_api(database)
    api = processes.started[-1]
    (honest,) = driver.enqueue()
    tasks = driver.enqueue(MAX_JOINS + 1)
    before = resident(api)
    full = asyncio.Semaphore(0)

    async def attack(joins: int) -> int | None:
        """Join so many tasks and stay; return the code with which that was ended."""
        async with open_socket(websocket_of(base), open_timeout=30, close_timeout=2) as websocket:
            with suppress(ConnectionClosed):
                for task in tasks[:joins]:
                    await say(websocket, "join", channel=task.id, token=task.token)
                for _ in range(joins):
                    await websocket.recv()
                full.release()
                await websocket.wait_closed()
            return websocket.close_code

    async with asyncio.timeout(100):
        assert await attack(MAX_JOINS + 1) == 1008, "one connection has its bound"
        crowd = [asyncio.create_task(attack(MAX_JOINS)) for _ in range(hub.MAX_JOINS // MAX_JOINS)]
        for _ in crowd:
            await full.acquire()
        async with open_socket(websocket_of(base), open_timeout=30) as websocket:  # there is no room left
            await say(websocket, "join", channel=honest.id, token=honest.token)
            assert (await hear(websocket, 20))["status"] == "queued"
            driver.finish()
            while (await hear(websocket, 20))["status"] != "succeeded":
                pass
        ended, others = await asyncio.wait(crowd, return_when=asyncio.FIRST_COMPLETED)
        assert [one.result() for one in ended] == [1013], "one of those who have most made room"
        for one in others:
            one.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    assert resident(api) - before < 160, "MiB more"
    assert api.popen.poll() is None
