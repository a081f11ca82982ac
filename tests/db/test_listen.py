import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from db import listen
from db.listen import Listener
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database


class Ears:
    """What a listener heard, and events to wait for."""

    def __init__(self, listener: Listener) -> None:
        self.heard: list[tuple[str, str]] = []
        self.regained = asyncio.Event()
        self.lost = asyncio.Event()
        self._news = asyncio.Event()
        listener.on_notify = self._hear
        listener.on_regained = self.regained.set
        listener.on_lost = self.lost.set

    def _hear(self, channel: str, payload: str) -> None:
        self.heard.append((channel, payload))
        self._news.set()

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[Listener, Ears]]:
    listener = Listener(url, "test")
    ears = Ears(listener)
    await listener.start()
    try:
        yield listener, ears
    finally:
        await listener.close()


@pytest.fixture
async def bell_ringer(database: Database) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    connection = await psycopg.AsyncConnection.connect(database.superuser_url, autocommit=True)
    yield connection
    await connection.close()


async def ring(connection: psycopg.AsyncConnection[Any], channel: str, payload: str = "") -> None:
    await connection.execute("select pg_notify(%s, %s)", [channel, payload])


async def backends(connection: psycopg.AsyncConnection[Any], database: Database) -> list[int]:
    query = "select pid from pg_stat_activity where datname = %s and application_name like 'taskbell %% listen'"
    return [pid for (pid,) in await (await connection.execute(query, [database.name])).fetchall()]


def through(proxy: FreezeProxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


async def test_hears_what_rings_after_listen_returned(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    async with listening(database.url) as (listener, ears):
        assert listener.hearing
        assert await listener.listen("here")
        await ring(bell_ringer, "elsewhere", "no")
        await ring(bell_ringer, "here", "yes")
        await ears.until(lambda: bool(ears.heard))
        assert ears.heard == [("here", "yes")]


async def test_unlisten_ends_it_and_listen_begins_it_again(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    async with listening(database.url) as (listener, ears):
        await listener.listen("a")
        listener.unlisten("a")
        await listener.listen("b")
        await ring(bell_ringer, "a", "unheard")
        assert await listener.listen("a")
        await ring(bell_ringer, "a", "heard")
        await ears.until(lambda: bool(ears.heard))
        assert ears.heard == [("a", "heard")]


async def test_a_channel_wanted_again_while_its_unlisten_is_under_way_is_heard(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    async with listening(database.url) as (listener, ears):
        await listener.listen("a")
        for turns in range(30):  # of the event loop, in one of which the statement has been sent and is not answered
            ears.heard.clear()
            listener.unlisten("a")
            for _ in range(turns):
                await asyncio.sleep(0)
            assert await listener.listen("a")
            await ring(bell_ringer, "a")
            await ears.until(lambda: bool(ears.heard), 2)


async def test_no_ring_is_lost_while_channels_come_and_go(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    async with listening(database.url) as (listener, ears):
        await listener.listen("steady")

        async def churn() -> None:
            for number in range(300):
                await listener.listen(f"passing_{number}")
                listener.unlisten(f"passing_{number}")

        async def rings() -> None:
            for number in range(500):
                await ring(bell_ringer, "steady", str(number))

        await asyncio.gather(churn(), rings())
        await ears.until(lambda: len(ears.heard) >= 500)
        assert [int(payload) for _, payload in ears.heard] == list(range(500))


async def test_ten_thousand_channels(database: Database, bell_ringer: psycopg.AsyncConnection[Any]) -> None:
    channels = [f"task_{number:032x}" for number in range(10_000)]
    async with listening(database.url) as (listener, ears):
        assert all(await asyncio.gather(*map(listener.listen, channels)))
        await bell_ringer.execute(
            "select pg_notify('task_' || lpad(to_hex(n), 32, '0'), '') from generate_series(0, 9999) n"
        )
        await ears.until(lambda: len(ears.heard) >= 10_000)
        assert {channel for channel, _ in ears.heard} == set(channels)


async def test_a_terminated_backend_is_replaced_with_all_its_channels(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    channels = [f"channel_{number}" for number in range(1200)]
    async with listening(database.url) as (listener, ears):
        await asyncio.gather(*map(listener.listen, channels))
        (pid,) = await backends(bell_ringer, database)
        started = time.monotonic()
        await bell_ringer.execute("select pg_terminate_backend(%s)", [pid])
        await asyncio.wait_for(ears.lost.wait(), 2)
        assert not listener.hearing
        await asyncio.wait_for(ears.regained.wait(), 5)
        assert time.monotonic() - started < 2
        assert listener.hearing
        await ring(bell_ringer, channels[-1], "again")
        await ears.until(lambda: (channels[-1], "again") in ears.heard)


async def test_a_silent_peer_is_noticed_by_the_heartbeat(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "HEARTBEAT", 0.3)
    monkeypatch.setattr(listen, "DEADLINE", 0.5)
    with FreezeProxy(urlsplit(database.url).port or 0) as proxy:
        async with listening(through(proxy, database.url)) as (listener, ears):
            await listener.listen("here")
            proxy.freeze()
            await asyncio.wait_for(ears.lost.wait(), 3)
            proxy.thaw()
            await asyncio.wait_for(ears.regained.wait(), 15)
            await ring(bell_ringer, "here", "again")
            await ears.until(lambda: ("here", "again") in ears.heard)


async def test_listen_answers_false_while_there_is_no_connection(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    with FreezeProxy(urlsplit(database.url).port or 0) as proxy:
        async with listening(through(proxy, database.url)) as (listener, ears):
            proxy.freeze()
            waiting = asyncio.create_task(listener.listen("in flight"))
            await asyncio.sleep(0.05)
            proxy.cut()
            assert await waiting is False
            assert await listener.listen("later") is False
            proxy.thaw()
            await asyncio.wait_for(ears.regained.wait(), 15)
            await ring(bell_ringer, "in flight")
            await ring(bell_ringer, "later")
            await ears.until(lambda: len(ears.heard) >= 2)


async def test_start_does_not_need_a_database(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = database.url.replace(f":{urlsplit(database.url).port}/", ":1/")
    async with listening(nowhere) as (listener, _ears):
        assert not listener.hearing
        assert await listener.listen("anything") is False
        await asyncio.sleep(0.5)
    assert len(caplog.records) == 1, "one line, however many attempts"


@pytest.mark.parametrize("channel", ["", "x" * 64, "nul\0"])
async def test_names_that_postgres_would_cut_are_refused(database: Database, channel: str) -> None:
    async with listening(database.url) as (listener, _ears):
        with pytest.raises(ValueError, match="channel"):
            await listener.listen(channel)


async def test_an_idle_listener_holds_no_snapshot(
    database: Database, bell_ringer: psycopg.AsyncConnection[Any]
) -> None:
    async with listening(database.url) as (listener, _ears):
        await listener.listen("here")
        (pid,) = await backends(bell_ringer, database)
        query = "select state, backend_xmin from pg_stat_activity where pid = %s"
        assert await (await bell_ringer.execute(query, [pid])).fetchone() == ("idle", None)
