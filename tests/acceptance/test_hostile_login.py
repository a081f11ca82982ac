"""A login that may only enqueue does its worst: others pay no more than a poll."""

import contextlib
import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
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


BELL = 8386110886190083180
HOSTILE_LOCKS = (
    "select from pg_locks as l join pg_stat_activity as a using (pid)"
    " where l.locktype = 'advisory' and l.granted and a.usename ~ 'hostile'"
)


def hold_the_bell(shop: psycopg.Connection[Any]) -> None:
    """Get its lock at last, though the worker has it for as long as it sleeps, and keep it."""
    shop.execute("set lock_timeout = '200ms'")
    with contextlib.suppress(psycopg.errors.LockNotAvailable):
        shop.execute("select pg_advisory_lock(%s)", [BELL])


def share_the_bell(shop: psycopg.Connection[Any]) -> None:
    """Likewise, so that enqueuers believe all workers awake, and none can sleep on it."""
    shop.execute("set lock_timeout = '200ms'")
    with contextlib.suppress(psycopg.errors.LockNotAvailable):
        shop.execute("select pg_advisory_lock_shared(%s)", [BELL])


def shadow(shop: psycopg.Connection[Any]) -> None:
    shop.execute("create temp table if not exists live (id uuid, queue text, status text)")
    shop.execute("create temp table if not exists queue (name text, paused_at timestamptz)")
    shop.execute("select taskbell.enqueue('echo', queue => 'shadow')")


@pytest.mark.parametrize("act", [ring, queues, hold_the_bell, share_the_bell, shadow])
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
        if act in (hold_the_bell, share_the_bell):
            superuser, deadline = database.connect("superuser"), time.monotonic() + 20
            while not superuser.execute(HOSTILE_LOCKS).fetchall():
                assert time.monotonic() < deadline, "it never got the lock"
                queue.wait(queue.enqueue("sleep", {"seconds": 0.05}))  # long enough for the worker to let go
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


def make_queues(shop: psycopg.Connection[Any], count: int, **task: Any) -> None:
    """Enqueue a task into each of so many new queues."""
    shop.execute("set client_min_messages = error")  # nobody knows some of them
    for first in range(0, count, 10_000):
        shop.execute(
            "select count(*) from taskbell.enqueue_many((select jsonb_agg(%s::jsonb || jsonb_build_object('queue', %s || n))"
            " from generate_series(%s::int, %s::int) as n))",
            [json.dumps(task), f"junk-{task['task']}-", first, min(first + 10_000, count) - 1],
        )


def started_after(queue: Any, task: str) -> float:
    """Return how many seconds after it was enqueued a task started."""
    done = queue.wait(task, 30)
    started, created = (datetime.fromisoformat(done[key]) for key in ("started_at", "created_at"))
    return (started - created).total_seconds()


@pytest.fixture
def junk(database: Database) -> Callable[..., None]:
    """`junk(count, task=…)`: another login makes so many queues."""
    hostile = database.connect(database.login("hostile", "taskbell_producer"))
    return lambda count, **task: make_queues(hostile, count, **task)


@pytest.mark.parametrize("empty_rings", [False, True])
def test_queues_without_end_delay_other_peoples_by_a_poll_at_most(
    queue: Any, worker: Start, junk: Callable[..., None], slack: Callable[[], float], empty_rings: bool
) -> None:
    process = worker()
    queue.wait(queue.enqueue("echo", queue="old"))
    process.wait_until(lambda: "won queue old" in process.log())
    queue.sql.execute("select taskbell.configure('shared', exclusive => false)")
    junk(10_000, task="nobody")
    junk(10_000, task="echo", run_at="2090-01-01T00:00:00Z")
    late = {}
    for name in ("zz-new", "aa-new", "shared", "junk-echo-1", "old", "default"):
        if empty_rings:  # as of a statement that names very many queues: twenty more in each
            more = [{"task": "echo", "queue": f"{name}-{n}", "run_at": "2090-01-01T00:00:00Z"} for n in range(25)]
            [task, *_] = queue.many([{"task": "echo", "queue": name}, *more])
        else:
            task = queue.enqueue("echo", queue=name)
        late[name] = started_after(queue, task)
    assert max(late.values()) < 1.2 + slack(), late
    assert process.log().count("won queue junk") <= 1, "nobody works where nothing is due"
    assert queue.sql.execute("select count(*) < 20 from taskbell.queues").fetchone() == (True,)


def test_queues_of_many_priorities_delay_other_peoples_by_a_poll_at_most(
    queue: Any, worker: Start, junk: Callable[..., None], slack: Callable[[], float]
) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    for priority in range(-100, 101, 5):
        junk(1_000, task="nobody", priority=priority)
    late = [started_after(queue, queue.enqueue("echo", queue=f"new-{n}", priority=-100)) for n in range(4)]
    assert max(late) < 1.2 + slack(), late


def test_a_worker_that_starts_among_queues_without_end_finds_what_is_due(
    queue: Any, worker: Start, junk: Callable[..., None], slack: Callable[[], float]
) -> None:
    task = queue.enqueue("echo", queue="zz")
    junk(20_000, task="nobody")
    junk(2_000, task="echo", run_at="2090-01-01T00:00:00Z")
    queue.sql.execute("select pg_sleep(0.1)")
    worker()
    begun = time.monotonic()
    assert queue.wait(task, 30)["status"] == "succeeded"
    assert time.monotonic() - begun < 2.0 + slack()


def test_thousands_of_due_queues_of_one_delay_another_by_their_turns_not_their_number(
    queue: Any, worker: Start, junk: Callable[..., None], slack: Callable[[], float]
) -> None:
    process = worker()
    process.wait_until(lambda: "won queue default" in process.log())
    junk(2_000, task="echo")
    late = [started_after(queue, queue.enqueue("echo", queue=f"new-{n}")) for n in range(3)]
    assert max(late) < 5.0 + slack(), late
    assert queue.sql.execute("select count(*) > 300 from taskbell.tasks where status = 'queued'").fetchone() == (True,)


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
