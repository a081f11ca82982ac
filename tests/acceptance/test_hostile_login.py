"""A login that may only enqueue does its worst: others pay no more than a poll."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.servers import Database, Process

Start = Callable[..., Process]


def ring(shop: psycopg.Connection[Any]) -> None:
    shop.execute("select pg_notify('taskbell_wake', 'default') from generate_series(1, 200)")
    shop.execute("select pg_notify('taskbell_wake', repeat('x', 7000))")


def queues(shop: psycopg.Connection[Any]) -> None:
    shop.execute(
        "select taskbell.enqueue_many(jsonb_agg(jsonb_build_object('task', 'echo', 'queue', 'q' || gen_random_uuid())))"
        " from generate_series(1, 200)"
    )


def hold_locks(shop: psycopg.Connection[Any]) -> None:
    shop.execute("set lock_timeout = '200ms'")  # the worker may hold it for as long as it sleeps
    with contextlib.suppress(psycopg.errors.LockNotAvailable):
        shop.execute("select pg_advisory_lock(8386110886190083180)")  # the bell's, for ever


def shadow(shop: psycopg.Connection[Any]) -> None:
    shop.execute("create temp table if not exists live (id uuid, queue text, status text)")
    shop.execute("create temp table if not exists queue (name text, paused_at timestamptz)")
    shop.execute("select taskbell.enqueue('echo', queue => 'shadow')")


@pytest.mark.parametrize("act", [ring, queues, hold_locks, shadow])
def test_a_hostile_producer_delays_others_by_a_poll_at_most(
    queue: Any, worker: Start, database: Database, slack: Callable[[], float], act: Callable[[Any], None]
) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    ending = threading.Event()

    def attack() -> None:
        with psycopg.connect(hostile, autocommit=True) as shop:
            while not ending.is_set():
                act(shop)
                ending.wait(0.1)

    hostile = database.login("hostile", "taskbell_producer")
    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        late = []
        for _ in range(6):
            begun = time.monotonic()
            assert queue.wait(queue.enqueue("echo", {"mine": True}))["result"] == {"mine": True}
            late.append(time.monotonic() - begun)
        assert max(late) < 1.2 + slack(), late
    finally:
        ending.set()
        attacker.join()
    assert process.popen.poll() is None
    assert "Traceback" not in process.log()


def test_no_other_door_opens_to_a_producer(database: Database, queue: Any) -> None:
    mine = queue.enqueue("echo")
    with psycopg.connect(database.login("nosy", "taskbell_producer"), autocommit=True) as nosy:
        assert nosy.execute(f"select taskbell.get('{mine}')").fetchone() == (None,)
        for query in (
            f"select taskbell.cancel('{mine}')",
            "select * from taskbell.tasks",
            "select * from taskbell.live",
            "delete from taskbell.finished",
            "select taskbell.pause()",
            "select * from taskbell.act_as('key:boss')",
            "select * from taskbell.claim(gen_random_uuid(), 'default', '{echo}', 1)",
            "select taskbell.register(gen_random_uuid(), 'x', 1, '1', null, '[]')",
            "set role taskbell_owner",
            "set session authorization taskbell_app",
            "create table taskbell.mine ()",
        ):
            with pytest.raises(psycopg.Error) as refused:
                nosy.execute(query)
            assert refused.value.sqlstate in ("42501", "TB001"), (query, refused.value)
