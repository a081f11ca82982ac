"""What wsify v3.0.0 does, flaws included; the stand-in is true to it as far as these tests tell."""

import asyncio
import subprocess
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.live.authorizer import Authorizer
from tests.live.sockets import RudeSocket, hear, hears_nothing, open_socket, say
from tests.live.wsify import KEY, Wsify


async def joined(websocket: Any, authorizer: Authorizer, channel: str, count: int = 1) -> None:
    """Join, and wait until wsify has subscribed: it answers a ping only after the command before it."""
    await say(websocket, "join", channel=channel, token="t")
    await authorizer.wait_for(count, "join")
    await (await websocket.ping())


def test_broadcast_answers(wsify: Wsify) -> None:
    assert wsify.broadcast("a", {"x": 1}) == 201
    assert wsify.broadcast("a", {"x": 1}, key="wrong") == 403
    assert wsify.broadcast("a", {"x": 1}, content_type="application/json; charset=utf-8") == 415
    headers = {"Content-Type": "application/json"}
    url = f"{wsify.url}/broadcast?key={KEY}"
    for body, status in (("{", 400), ('{"channel":5}', 400), ('{"content":1e400}', 400), ("", 201), ("null", 201)):
        assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == status, body
    assert httpx.get(url, trust_env=False).status_code == 405
    assert httpx.get(f"{wsify.url}/else", trust_env=False).status_code == 404


def test_the_log_holds_the_key(wsify: Wsify) -> None:
    wsify.broadcast("a", {})
    assert KEY in wsify.process.log()


async def test_a_subscriber_gets_the_content_as_text(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        wsify.broadcast("a", {"b": "<&>\u2028ö", "a": 12345678901234567890, "c": 1.5})
        text = await websocket.recv()
    assert text == '{"a":12345678901234567000,"b":"\\u003c\\u0026\\u003e\\u2028ö","c":1.5}'


async def test_connect_asks_with_headers_and_query(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(f"{wsify.websocket_url}?q=1&q=2", origin="http://any.example"):
        pass
    args = authorizer.asked[0]["args"]
    assert authorizer.asked[0]["command"] == "connect"
    assert args["query"] == {"q": ["1", "2"]}
    assert args["headers"]["Origin"] == ["http://any.example"]
    assert "Host" not in args["headers"]


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_connect_refused(wsify: Wsify, authorizer: Authorizer, status: int) -> None:
    authorizer.answer = lambda _: status
    with pytest.raises(InvalidStatus) as refused:
        async with open_socket(wsify.websocket_url):
            pass
    assert refused.value.response.status_code == 403


async def test_a_refused_join_joins_nothing(wsify: Wsify, authorizer: Authorizer) -> None:
    authorizer.answer = lambda message: 403 if message["command"] == "join" else 200
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        wsify.broadcast("a", {})
        assert await hears_nothing(websocket)


async def test_an_authorizer_that_is_down_closes_the_session(wsify: Wsify, authorizer: Authorizer) -> None:
    authorizer.answer = lambda message: 503 if message["command"] == "join" else 200
    async with open_socket(wsify.websocket_url) as websocket:
        await say(websocket, "join", channel="a")
        with pytest.raises(ConnectionClosed):
            await hear(websocket)


async def test_each_message_is_laid_over_the_one_before(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        await say(websocket, "leave", channel="b")
        leave = (await authorizer.wait_for(1, "leave"))[0]
    assert leave["args"] == {"channel": "b", "token": "t"}


async def test_join_is_authorized_before_it_subscribes(wsify: Wsify, authorizer: Authorizer) -> None:
    asking, answer = asyncio.Event(), asyncio.Event()

    async def hold(message: dict[str, Any]) -> None:
        if message["command"] == "join":
            asking.set()
            await answer.wait()

    authorizer.hold = hold
    async with open_socket(wsify.websocket_url) as websocket:
        await say(websocket, "join", channel="a")
        await asking.wait()
        assert await asyncio.to_thread(wsify.broadcast, "a", "lost") == 201
        answer.set()
        await (await websocket.ping())
        wsify.broadcast("a", "kept")
        assert await hear(websocket) == "kept"


async def test_joining_twice_delivers_twice_and_leaving_ends_one(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        await joined(websocket, authorizer, "a", 2)
        wsify.broadcast("a", 1)
        assert [await hear(websocket), await hear(websocket)] == [1, 1]
        await say(websocket, "leave", channel="a")
        await authorizer.wait_for(1, "leave")
        await (await websocket.ping())
        await asyncio.sleep(0.05)  # it unsubscribes beside the session, and tells nobody
        wsify.broadcast("a", 2)
        assert await hear(websocket) == 2
        assert await hears_nothing(websocket)


@pytest.mark.parametrize("rubbish", ["not JSON", "[1]", '{"command": 5}'])
async def test_a_bad_message_runs_the_last_command_again(wsify: Wsify, authorizer: Authorizer, rubbish: str) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        await websocket.send(rubbish)
        await authorizer.wait_for(2, "join")
        await (await websocket.ping())
        wsify.broadcast("a", 1)
        assert [await hear(websocket), await hear(websocket)] == [1, 1]


async def test_a_reset_connection_runs_the_last_command_again(wsify: Wsify, authorizer: Authorizer) -> None:
    rude = await asyncio.to_thread(RudeSocket, wsify.websocket_url)
    rude.say("join", channel="a", token="t")
    await authorizer.wait_for(1, "join")
    rude.reset()
    await authorizer.wait_for(2, "join")


async def test_leaving_what_was_never_joined_makes_deaf(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        await say(websocket, "leave", channel="never")
        await authorizer.wait_for(1, "leave")
        await say(websocket, "join", channel="b")
        with pytest.raises(TimeoutError):
            await authorizer.wait_for(2, "join", seconds=0.5)
        wsify.broadcast("a", "still")
        assert await hear(websocket) == "still"


async def test_without_a_channel_it_joins_nothing(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await websocket.send('{"command":"join"}')
        assert (await authorizer.wait_for(1, "join"))[0]["args"] is None
        await joined(websocket, authorizer, "a", 2)
        wsify.broadcast("a", 1)
        assert await hear(websocket) == 1


async def test_clients_may_broadcast_if_the_authorizer_lets_them(wsify: Wsify, authorizer: Authorizer) -> None:
    async with open_socket(wsify.websocket_url) as websocket:
        await joined(websocket, authorizer, "a")
        await say(websocket, "broadcast", channel="a", content={"forged": True})
        assert await hear(websocket) == {"forged": True}


async def test_a_client_gone_while_a_big_message_is_written_ends_the_process(
    wsify: Wsify, authorizer: Authorizer
) -> None:
    for count in range(1, 21):
        rude = await asyncio.to_thread(RudeSocket, wsify.websocket_url)
        rude.say("join", channel=f"a{count}", token="t")
        await authorizer.wait_for(count, "join")
        await asyncio.sleep(0.05)  # it subscribes after the answer, and tells nobody
        for _ in range(2):
            await asyncio.to_thread(wsify.broadcast, f"a{count}", "x" * 4_000_000)
        await asyncio.to_thread(rude.hear_something)
        rude.reset()
        try:
            code = await asyncio.to_thread(wsify.process.popen.wait, 1)
        except subprocess.TimeoutExpired:
            continue
        assert code == 2
        assert "panic: send on closed channel" in wsify.process.log()
        return
    pytest.fail("it survived twenty of them")


async def test_clients_gone_while_small_messages_are_written_do_no_harm(wsify: Wsify, authorizer: Authorizer) -> None:
    for count in range(1, 51):
        rude = await asyncio.to_thread(RudeSocket, wsify.websocket_url)
        rude.say("join", channel="a", token="t")
        await authorizer.wait_for(count, "join")
        wsify.broadcast("a", "x" * 8_000)
        rude.reset()
    assert wsify.broadcast("a", 1) == 201
