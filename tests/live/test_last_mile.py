"""A task's states reach the browser, whoever carries them, and whatever dies."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from tests.live.carrier import Carrier
from tests.live.driver import Driven, Driver, read, token
from tests.live.sockets import RudeSocket, hear, hears_nothing, open_socket, say

FINISHED = ("succeeded", "failed", "cancelled")
MAX_MESSAGE = 8192  # bytes


async def join(websocket: ClientConnection, task: Driven) -> None:
    await say(websocket, "join", channel=task.id, token=task.token)


async def hear_until(
    websocket: ClientConnection, task: Driven, status: str, seconds: float = 5
) -> list[dict[str, Any]]:
    """Return the states of this task up to one of that status, as a client keeps them: each seq once, growing."""
    seen: list[dict[str, Any]] = []
    async with asyncio.timeout(seconds):
        while not seen or seen[-1]["status"] != status:
            message = await hear(websocket, seconds)
            if message["id"] == task.id and (not seen or message["seq"] > seen[-1]["seq"]):
                seen.append(message)
    return seen


async def test_first_the_present_state_then_each_change(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        assert [state["status"] for state in await hear_until(websocket, task, "queued")] == ["queued"]
        driver.claim()
        driver.progress(task.id, 0.5, "half way")
        running = await hear_until(websocket, task, "running")
        assert running[-1]["progress"] == {"fraction": 0.5, "note": "half way"}
        driver.complete([task.id], '[{"answer": 42}]')
        last = (await hear_until(websocket, task, "succeeded"))[-1]
    assert last["result"] == {"answer": 42}
    assert last == read(carrier.base, task)


async def test_who_joins_late_learns_the_result(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    driver.finish()
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        assert (await hear_until(websocket, task, "succeeded"))[-1] == read(carrier.base, task)


async def test_joining_twice_does_no_harm(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        driver.finish()
        await hear_until(websocket, task, "succeeded")
        await join(websocket, task)
        await hear_until(websocket, task, "succeeded")


async def test_leaving_what_was_never_joined_does_not_make_deaf(carrier: Carrier, driver: Driver) -> None:
    left, joined = driver.enqueue(2)
    async with open_socket(carrier.websocket_url) as websocket:
        await say(websocket, "leave", channel=left.id, token=left.token)
        await join(websocket, joined)
        await hear_until(websocket, joined, "queued")
        await say(websocket, "leave", channel=joined.id, token=joined.token)
        await say(websocket, "leave", channel=joined.id, token=joined.token)
        await join(websocket, left)
        await hear_until(websocket, left, "queued")


async def test_who_has_left_hears_nothing_more(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        await say(websocket, "leave", channel=task.id, token=task.token)
        while not await hears_nothing(websocket, 2.5):  # wsify may still have repeats of the state on their way
            pass
        driver.finish()
        assert await hears_nothing(websocket)


async def test_a_bad_token_or_an_unknown_task_joins_nothing(carrier: Carrier, driver: Driver) -> None:
    task, other = driver.enqueue(2)
    unknown = "019ab3c4-0000-7000-8000-000000000000"
    async with open_socket(carrier.websocket_url) as websocket:
        for channel, given in [
            (task.id, other.token),
            (task.id, "rubbish"),
            (task.id, ""),
            (task.id, 5),
            (task.id.upper(), task.token),
            (unknown, token(unknown)),
            ("queue", task.token),
            (None, task.token),
        ]:
            await say(websocket, "join", channel=channel, token=given)
        driver.finish()
        assert await hears_nothing(websocket, 0.6)
        await say(websocket, "join", channel=task.id, token=token(task.id, "view"))
        await hear_until(websocket, task, "succeeded")


async def test_a_token_of_another_channel_is_not_inherited(carrier: Carrier, driver: Driver) -> None:
    task, other = driver.enqueue(2)
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        await say(websocket, "join", channel=other.id)  # wsify adds the token of the last join by itself
        driver.finish()
        await hear_until(websocket, task, "succeeded")
        with pytest.raises(TimeoutError):
            await hear_until(websocket, other, "succeeded", 1)


async def test_clients_cannot_broadcast(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        forged = {"id": task.id, "status": "succeeded", "seq": 99}
        await say(websocket, "broadcast", channel=task.id, content=forged, token=task.token)
        driver.finish()
        assert (await hear_until(websocket, task, "succeeded"))[-1]["seq"] != 99


@pytest.mark.parametrize(
    ("payload", "result"),
    [
        ("{}", json.dumps([{"big": "x" * 9000}])),
        (json.dumps({"big": "x" * 500_000}), "[1]"),
        ("{}", json.dumps([{"marks": "<" * 3000}])),  # six bytes each on the wire
    ],
)
async def test_what_is_too_big_for_a_message_is_marked(
    carrier: Carrier, driver: Driver, payload: str, result: str
) -> None:
    (task,) = driver.enqueue(1, payload)
    driver.finish(result)
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        text = await asyncio.wait_for(websocket.recv(), 5)
    assert len(text.encode() if isinstance(text, str) else text) <= MAX_MESSAGE
    message = json.loads(text)
    assert message.pop("partial") is True
    assert message["status"] == "succeeded"
    whole = read(carrier.base, task)
    assert whole.items() >= message.items()
    assert set(whole) - set(message) == {"payload", "result"}


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 5000])
async def test_numbers_beyond_every_float_hold_nobody_up(carrier: Carrier, driver: Driver, number: str) -> None:
    odd, plain = driver.enqueue(2)
    driver.finish(f"[{number}, {number}]")
    async with open_socket(carrier.websocket_url) as websocket:
        for task in (odd, plain):
            await join(websocket, task)
        assert {(await hear(websocket))["status"] for _ in range(2)} == {"succeeded"}


async def test_only_our_own_pages_may_connect(carrier: Carrier) -> None:
    port = carrier.base.rpartition(":")[2]
    for origin in (f"http://127.0.0.1:{port}", f"http://localhost:{port}"):
        async with open_socket(carrier.websocket_url, origin=origin):
            pass
    for origin in ("http://evil.example", f"http://evil.example:{port}", "null"):
        with pytest.raises(InvalidStatus) as refused:
            async with open_socket(carrier.websocket_url, origin=origin):
                pass
        assert refused.value.response.status_code == 403


async def test_killed_in_mid_flight_and_started_again(carrier: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(20)
    async with open_socket(carrier.websocket_url) as websocket:
        for task in tasks:
            await join(websocket, task)
        for _ in tasks:
            await hear(websocket)
        carrier.kill()
    driver.finish()
    await asyncio.to_thread(carrier.start)
    await results_over(carrier, tasks)


async def test_the_api_killed_and_started_again(carrier: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(20)
    async with open_socket(carrier.websocket_url) as websocket:
        for task in tasks:
            await join(websocket, task)
        for _ in tasks:
            await hear(websocket)
        carrier.api.kill()
        await asyncio.to_thread(carrier.start_api)
        driver.finish()
    await results_over(carrier, tasks)


async def results_over(carrier: Carrier, tasks: list[Driven], seconds: float = 20) -> None:
    """Join all of them on a new connection and hear each one's end."""
    left = {task.id for task in tasks}
    async with open_socket(carrier.websocket_url) as websocket, asyncio.timeout(seconds):
        for task in tasks:
            await join(websocket, task)
        while left:
            message = await hear(websocket, seconds)
            if message["status"] in FINISHED:
                left.discard(message["id"])


async def test_reset_connections_leave_no_trace(carrier: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(40)
    for task in tasks:
        try:
            await asyncio.to_thread(join_and_reset, carrier, task)
        except OSError:
            # A reset while a message is being written ends the whole of wsify, now and then with a small one too.
            if not await asyncio.to_thread(carrier.revive):
                raise
    driver.finish()
    await asyncio.to_thread(carrier.revive)
    await results_over(carrier, tasks)


def join_and_reset(carrier: Carrier, task: Driven) -> None:
    rude = RudeSocket(carrier.websocket_url)
    try:
        rude.say("join", channel=task.id, token=task.token)
    finally:
        rude.reset()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_thousand_tasks_watched_after_they_had_finished(carrier: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(1000)
    driver.finish()
    await results_over(carrier, tasks, 200)


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_thousand_tasks_watched_at_once(carrier: Carrier, driver: Driver) -> None:
    tasks = driver.enqueue(1000)
    left = {task.id for task in tasks}
    running = asyncio.Event()

    async def finish_all() -> None:
        await running.wait()
        for claimed in [driver.claim()]:
            for start in range(0, 1000, 100):
                await asyncio.to_thread(driver.complete, claimed[start : start + 100])

    async with open_socket(carrier.websocket_url) as websocket, asyncio.timeout(200):
        finishing = asyncio.create_task(finish_all())
        for position, task in enumerate(tasks):
            await join(websocket, task)
            if position == 500:
                running.set()  # half of them are joined before, half while they finish
        while left:
            message = await hear(websocket, 200)
            if message["status"] in FINISHED:
                left.discard(message["id"])
        await finishing


async def test_a_lost_listener_costs_a_second(carrier: Carrier, driver: Driver, database: Any) -> None:
    (task,) = driver.enqueue()
    cut = database.connect("superuser")
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        ended = cut.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name like '%listen%'"
            " and datname = current_database()"
        ).fetchall()
        assert ended
        driver.finish()
        await hear_until(websocket, task, "succeeded", 2)


async def test_forged_rings_are_harmless(carrier: Carrier, driver: Driver) -> None:
    (task,) = driver.enqueue()
    channel = f"task_{task.id.replace('-', '')}"
    async with open_socket(carrier.websocket_url) as websocket:
        await join(websocket, task)
        await hear_until(websocket, task, "queued")
        for payload in (f'{{"id":"{task.id}","status":"succeeded","seq":99}}', "rubbish", ""):
            driver.sql.execute("select pg_notify(%s, %s)", [channel, payload])
        driver.finish('["true"]')
        assert (await hear_until(websocket, task, "succeeded"))[-1]["result"] == "true"
