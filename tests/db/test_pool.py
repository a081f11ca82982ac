import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from db.call import Caller
from db.errors import Busy, Unavailable
from db.pool import Pool, open_pool
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database


@asynccontextmanager
async def opened(url: str, size: int = 3) -> AsyncIterator[tuple[Pool, Caller]]:
    pool = await open_pool(url, name="test", min_size=size, max_size=size)
    try:
        yield pool, Caller(pool)
    finally:
        await pool.close()


def through(proxy: FreezeProxy, url: str) -> str:
    return url.replace(f":{urlsplit(url).port}/", f":{proxy.port}/")


def kill_all(database: Database) -> None:
    database.connect("superuser").execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and application_name = %s",
        [database.name, "taskbell test"],
    )


async def until_it_answers(caller: Caller, seconds: float = 10) -> float:
    started = time.monotonic()
    while True:
        try:
            await caller._value("select 1")
        except Unavailable:
            if time.monotonic() - started > seconds:
                raise
            await asyncio.sleep(0.02)
        else:
            return time.monotonic() - started


async def test_connections_are_plain_named_and_bounded(database: Database) -> None:
    superuser = database.connect("superuser")
    name = sql.Identifier(database.name)
    superuser.execute(sql.SQL("alter database {} set timezone = 'Asia/Tokyo'").format(name))
    superuser.execute(sql.SQL("alter database {} set default_transaction_isolation = 'serializable'").format(name))
    async with opened(database.url) as (_, caller):
        for setting, value in {
            "application_name": "taskbell test",
            "timezone": "UTC",
            "transaction_isolation": "read committed",
            "statement_timeout": "10s",
        }.items():
            assert await caller._value("select current_setting(%s)", setting) == value


async def test_calls_in_a_row_meet_the_same_warm_server_process(database: Database) -> None:
    async with opened(database.url) as (pool, caller):
        await pool.wait()
        assert await asyncio.gather(*(caller._value("select %s::integer", n) for n in range(4))) == list(range(4))
        assert len({await caller._value("select pg_backend_pid()") for _ in range(10)}) == 1


async def test_killed_idle_connections_are_not_handed_out(database: Database) -> None:
    async with opened(database.url) as (pool, caller):
        await pool.wait()
        kill_all(database)
        await asyncio.sleep(0.1)  # until the kernel has the goodbyes
        assert await asyncio.gather(*(caller._value("select %s::integer", n) for n in range(20))) == list(range(20))


async def test_a_database_that_goes_away_and_comes_back_makes_two_lines(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with FreezeProxy(urlsplit(database.url).port or 0) as proxy:
        async with opened(through(proxy, database.url)) as (pool, caller):
            await pool.wait()
            superuser = psycopg.connect(database.server.url("postgres"), autocommit=True)
            name = sql.Identifier(database.name)
            superuser.execute(sql.SQL("alter database {} allow_connections false").format(name))
            proxy.cut()
            started = time.monotonic()
            for _ in range(5):
                with pytest.raises(Unavailable):
                    await caller._value("select 1")
            assert time.monotonic() - started < 8, "callers fail fast once it is known to be gone"
            superuser.execute(sql.SQL("alter database {} allow_connections true").format(name))
            superuser.close()
            assert await until_it_answers(caller) < 6
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING and record.name == "db.presence"]
    assert len(lines) == 2, [record.getMessage() for record in lines]
    assert not any(record.exc_info for record in lines)


async def test_a_silent_peer_costs_one_deadline(database: Database) -> None:
    with FreezeProxy(urlsplit(database.url).port or 0) as proxy:
        async with opened(through(proxy, database.url), size=1) as (pool, caller):
            await pool.wait()
            pool.deadline = 0.5
            proxy.freeze()
            started = time.monotonic()
            with pytest.raises(Unavailable):
                await caller._value("select 1")
            assert time.monotonic() - started < 1.5
            proxy.thaw()
            assert await until_it_answers(caller) < 10


async def test_a_cancelled_call_gives_its_connection_back(database: Database) -> None:
    async with opened(database.url, size=1) as (_, caller):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(caller._value("select pg_sleep(5)"), 0.2)
        assert await asyncio.wait_for(caller._value("select 1"), 2) == 1


async def test_a_read_only_database_is_unavailable_until_it_is_not(database: Database) -> None:
    superuser = database.connect("superuser")
    name = sql.Identifier(database.name)
    async with opened(database.url) as (_, caller):
        enqueue = "select taskbell.enqueue('echo')"
        await caller._value(enqueue)
        superuser.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(name))
        kill_all(database)
        with pytest.raises(Unavailable):
            await caller._value(enqueue)
        superuser.execute("set default_transaction_read_only = off")
        superuser.execute(sql.SQL("alter database {} set default_transaction_read_only = off").format(name))
        assert await until_it_answers(caller) < 10
        await caller._value(enqueue)


async def test_of_several_hosts_the_one_that_answers_is_used(database: Database) -> None:
    port = urlsplit(database.url).port
    many = database.url.replace(f"@127.0.0.1:{port}/", f"@127.0.0.1:1,127.0.0.1:{port}/")
    assert many != database.url
    async with opened(many) as (_, caller):
        assert await caller._value("select 1") == 1


async def test_a_migration_under_prepared_statements_goes_unnoticed(database: Database) -> None:
    migrator = database.connect("migrate")
    migrator.execute("create function taskbell.probe() returns table (a integer) language sql as 'select 1'")
    migrator.execute("grant execute on function taskbell.probe() to public")
    async with opened(database.url, size=1) as (_, caller):
        for _ in range(5):
            assert await caller._rows("select * from taskbell.probe()") == [(1,)]
        migrator.execute("drop function taskbell.probe()")
        migrator.execute(
            "create function taskbell.probe() returns table (a text, b text) language sql as $$select 'x', 'y'$$"
        )
        migrator.execute("grant execute on function taskbell.probe() to public")
        assert await caller._rows("select * from taskbell.probe()") == [("x", "y")]


async def test_a_statement_that_waits_too_long_is_busy_not_broken(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(database.url, size=1) as (pool, caller):
        pid = await caller._value("select pg_backend_pid()")
        await caller._value("select set_config('statement_timeout', '50', false)")
        with pytest.raises(Busy):
            await caller._value("select pg_sleep(1)")
        assert not pool.presence.away()
        await caller._value("select set_config('statement_timeout', '0', false)")
        assert await caller._value("select pg_backend_pid()") == pid
    assert [record.getMessage() for record in caplog.records if record.name == "db.presence"] == []


async def test_close_is_quick_while_the_database_is_away(database: Database) -> None:
    async with opened(database.url.replace(f":{urlsplit(database.url).port}/", ":1/")) as (pool, caller):
        with pytest.raises(Unavailable):
            await caller._value("select 1")
        started = time.monotonic()
        await pool.close()
        assert time.monotonic() - started < 1
