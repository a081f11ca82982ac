"""The hub's own bounds: what is said, joined, and left unread."""

import asyncio
import contextlib
import json

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from api.live import hub as hub_bounds
from api.live import hub_connection
from api.live.commands import MAX_COMMAND
from api.watch import MAX_WATCHED
from tests.live.carrier import Carrier
from tests.live.driver import Driver
from tests.live.sockets import RudeSocket, hear, open_socket, say
from tests.servers import Database, Processes


@pytest.fixture
def hub(processes: Processes, database: Database) -> Carrier:
    """An API without wsify."""
    return Carrier(processes, database, None)


async def closed_with(websocket: ClientConnection) -> int:
    with contextlib.suppress(ConnectionClosed):
        while True:
            await hear(websocket, 10)
    assert websocket.close_code is not None
    return websocket.close_code


async def test_a_command_that_is_too_long_closes(hub: Carrier) -> None:
    async with open_socket(hub.websocket_url) as websocket:
        await websocket.send("x" * (MAX_COMMAND + 1))
        assert await closed_with(websocket) == hub_connection.TOO_BIG


@pytest.mark.parametrize(
    "said",
    ["not JSON", "[]", "5", '{"command":"frob"}', '{"command":"join"}', '{"command":"join","args":[]}', "[" * 5000],
)
async def test_a_flood_of_bad_commands_closes(hub: Carrier, said: str) -> None:
    async with open_socket(hub.websocket_url) as websocket:
        for _ in range(hub_connection.MAX_REFUSED + 1):
            await websocket.send(said)
        assert await closed_with(websocket) == hub_connection.POLICY


async def test_a_flood_of_bad_tokens_closes(hub: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(hub.websocket_url) as websocket:
        for number in range(hub_connection.MAX_REFUSED + 1):
            await say(websocket, "join", channel=task.id, token=f"o.{number:043}")
        assert await closed_with(websocket) == hub_connection.POLICY


async def test_binary_commands_are_none(hub: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(hub.websocket_url) as websocket:
        await websocket.send(b"\x00\xff")
        await say(websocket, "join", channel=task.id, token=task.token)
        assert (await hear(websocket))["status"] == "queued"


@pytest.mark.slow
async def test_too_many_joins_close(hub: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(hub_connection.MAX_JOINS + 1)
    async with open_socket(hub.websocket_url) as websocket:
        for task in tasks:
            await say(websocket, "join", channel=task.id, token=task.token)
        assert await closed_with(websocket) == hub_connection.POLICY


async def test_a_join_flood_on_one_task_is_one_watch(hub: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(hub.websocket_url) as websocket:
        for _ in range(1000):
            await say(websocket, "join", channel=task.id, token=task.token)
        await hear(websocket)
        driver.finish()
        while (await hear(websocket))["status"] != "succeeded":
            pass


@pytest.mark.slow
async def test_a_client_that_reads_nothing_holds_up_nobody(hub: Carrier, driver: Driver) -> None:
    big = json.dumps({"text": "x" * 7000})
    tasks = driver.enqueue(1, big) + driver.enqueue(1, big)
    rude = await asyncio.to_thread(RudeSocket, hub.websocket_url)
    for task in tasks:
        rude.say("join", channel=task.id, token=task.token)
    driver.claim()
    async with open_socket(hub.websocket_url) as websocket:
        for task in tasks:
            await say(websocket, "join", channel=task.id, token=task.token)
        for number in range(100):
            for task in tasks:
                await asyncio.to_thread(driver.progress, task.id, number / 100)
            while (await hear(websocket))["progress"] != {"fraction": number / 100, "note": None}:
                pass
        driver.complete([task.id for task in tasks])
        while (await hear(websocket))["status"] != "succeeded":
            pass
    rude.reset()


async def test_a_database_that_is_away_sends_clients_away_to_try_again(
    hub: Carrier, driver: Driver, database: Database
) -> None:
    (task,) = driver.enqueue()
    administrator = database.connect(database.server.url("postgres"))
    administrator.execute(f'alter database "{database.name}" allow_connections false')
    administrator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [database.name])
    async with open_socket(hub.websocket_url) as websocket:
        await say(websocket, "join", channel=task.id, token=task.token)
        assert await closed_with(websocket) == hub_connection.TRY_AGAIN
    administrator.execute(f'alter database "{database.name}" allow_connections true')
    state = None
    async with asyncio.timeout(20):
        while state is None:
            async with open_socket(hub.websocket_url) as websocket:
                await say(websocket, "join", channel=task.id, token=task.token)
                with contextlib.suppress(ConnectionClosed):
                    state = await hear(websocket)
    assert state["status"] == "queued"


def test_all_joins_together_leave_some_watches_to_others() -> None:
    assert hub_bounds.MAX_JOINS <= 0.8 * MAX_WATCHED
