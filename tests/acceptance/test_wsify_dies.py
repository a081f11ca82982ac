"""wsify panics or is killed, or the API that relays to it is: its clients get their results all the same, within 10 s.

It panics, the whole process, when a client goes away while a message to it is being written; so it is supervised.
"""

import asyncio
import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.live.carrier import Carrier
from tests.live.conftest import wsify_command
from tests.live.driver import Driven, Driver
from tests.live.sockets import RudeSocket, open_socket, say
from tests.live.wsify import Wsify
from tests.servers import Database, Processes

WATCHERS = 30
MANY = {"wsify": 500, "stand-in": 100}  # ours is in Python, a tenth as fast
WITHIN = 10.0  # seconds: what a client waits at most before it asks by itself
ANSWER = 0.04  # seconds more, for each client that is answered
RUDE = 40  # clients that go away in the middle, at most


@pytest.fixture(params=["stand-in", "wsify"])
def relayed(request: pytest.FixtureRequest, processes: Processes, database: Database) -> Carrier:
    """An API that relays to a wsify."""
    return Carrier(processes, database, wsify_command(request.param))


@pytest.fixture
def driver(database: Database) -> Driver:
    """Runs tasks when the test says so."""
    return Driver(database)


@contextmanager
def supervised(wsify: Wsify) -> Iterator[list[int]]:
    """Start it again whenever it has ended, as its restart policy does; yields the codes it ended with."""
    codes: list[int] = []
    ending = threading.Event()

    def watch() -> None:
        while not ending.wait(0.05):
            if (code := wsify.process.popen.poll()) is not None:
                codes.append(code)
                wsify.start()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield codes
    finally:
        ending.set()
        thread.join()


def make_it_panic(wsify: Wsify, tasks: list[Driven]) -> bool:
    """Join as clients that go away while messages to them are written, until that was its end; tell whether it was."""
    first = wsify.process
    for task in tasks:
        with suppress(OSError, httpx.HTTPError):
            rude = RudeSocket(wsify.websocket_url)
            try:
                rude.say("join", channel=task.id, token=task.token)
                rude.hear_something()  # it has joined
                for _ in range(3):
                    wsify.broadcast(task.id, {"id": task.id, "seq": 0, "filler": "x" * 4_000_000})
            finally:
                rude.reset()
        with suppress(Exception):
            first.popen.wait(0.5)
        if first.popen.poll() is not None:
            return True
    return False


async def result_of(
    carrier: Carrier, api: httpx.AsyncClient, task: Driven, joined: Callable[[], None]
) -> dict[str, Any]:
    """Watch as the page does: join, keep the newest, join again after a cut; and ask an API by oneself every 10 s."""

    async def by_websocket() -> dict[str, Any]:
        pause = 0.1
        while True:
            with suppress(ConnectionClosed, OSError, InvalidHandshake, TimeoutError):
                async with open_socket(carrier.websocket_url, open_timeout=5) as websocket:
                    await say(websocket, "join", channel=task.id, token=task.token)
                    async for message in websocket:
                        joined()
                        pause = 0.1
                        if (state := json.loads(message))["status"] == "succeeded":
                            return dict(state)
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1)

    async def by_asking() -> dict[str, Any]:
        while True:
            await asyncio.sleep(WITHIN)
            with suppress(httpx.TransportError):  # on a busy machine it answers late: asked again
                answer = await api.get(f"/api/tasks/{task.id}", headers={"X-Task-Token": task.token})
                if (state := answer.json())["status"] == "succeeded":
                    return dict(state)

    ways = [asyncio.create_task(way()) for way in (by_websocket, by_asking)]
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def all_watch(
    carrier: Carrier,
    base: str,
    driver: Driver,
    trouble: Callable[[], None],
    slack: Callable[[], float],
    watchers: int = WATCHERS,
) -> list[str]:
    """Have one client a task; once all have joined, make `trouble`, finish the tasks, and return what they learnt in time."""
    tasks = driver.enqueue(watchers)
    heard: set[str] = set()
    async with (
        asyncio.timeout(100),
        httpx.AsyncClient(base_url=base, trust_env=False, timeout=20) as api,
        asyncio.TaskGroup() as group,
    ):
        watching = [
            group.create_task(result_of(carrier, api, task, lambda task=task: heard.add(task.id))) for task in tasks
        ]
        while len(heard) < len(tasks):  # noqa: ASYNC110 - counted by the watchers
            await asyncio.sleep(0.05)
        await asyncio.to_thread(trouble)
        await asyncio.to_thread(driver.finish)
        finished = time.monotonic()
        learnt = [(await one)["status"] for one in watching]
        taken = time.monotonic() - finished
    assert taken < WITHIN + ANSWER * watchers + await asyncio.to_thread(slack)
    return learnt


async def test_a_panic_of_wsify_costs_nobody_a_result(
    relayed: Carrier, driver: Driver, slack: Callable[[], float]
) -> None:
    wsify = relayed.wsify
    assert wsify is not None
    lures = driver.enqueue(RUDE)
    doomed = wsify.process

    def panic() -> None:
        assert make_it_panic(wsify, lures), "it survived all of them"

    with supervised(wsify) as codes:
        learnt = await all_watch(relayed, relayed.base, driver, panic, slack)
    assert learnt == ["succeeded"] * WATCHERS
    assert "panic: send on closed channel" in doomed.log()
    assert codes[0] == 2
    assert relayed.api.popen.poll() is None


async def test_wsify_killed_costs_nobody_a_result(
    relayed: Carrier, driver: Driver, slack: Callable[[], float], request: pytest.FixtureRequest
) -> None:
    wsify, watchers = relayed.wsify, MANY[request.node.callspec.params["relayed"]]
    assert wsify is not None
    with supervised(wsify) as codes:
        learnt = await all_watch(relayed, relayed.base, driver, wsify.process.popen.kill, slack, watchers)
    assert learnt == ["succeeded"] * watchers
    assert codes[0] == -signal.SIGKILL  # a client that goes away in the middle may make the next one panic


async def test_the_relaying_api_killed_costs_nobody_a_result_where_another_answers(
    relayed: Carrier, driver: Driver, database: Database, processes: Processes, slack: Callable[[], float]
) -> None:
    other = processes.api(database)
    learnt = await all_watch(relayed, other, driver, relayed.api.kill, slack)
    assert learnt == ["succeeded"] * WATCHERS
