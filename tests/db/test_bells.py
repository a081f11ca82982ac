"""What rings, when, and for whom."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.hand import Hand, enqueue, get
from tests.servers import Database

Hands = Callable[..., Hand]


def heard(connection: psycopg.Connection[Any], timeout: float = 0.3) -> list[tuple[str, str]]:
    """Return what was notified within so many seconds."""
    return [(notice.channel, notice.payload) for notice in connection.notifies(timeout=timeout)]


@pytest.fixture
def listener(database: Database) -> psycopg.Connection[Any]:
    connection = database.connect()
    connection.execute("listen taskbell_wake")
    return connection


def sleep_on_the_bell(database: Database) -> psycopg.Connection[Any]:
    """Hold the lock that a sleeping worker holds."""
    connection = database.connect()
    connection.execute("select pg_advisory_lock(taskbell.bell_key())")
    return connection


def test_nobody_sleeps_nobody_is_rung(app: psycopg.Connection[Any], listener: psycopg.Connection[Any]) -> None:
    enqueue(app)
    assert heard(listener) == []


def test_a_sleeper_is_rung_at_commit(
    database: Database, app: psycopg.Connection[Any], listener: psycopg.Connection[Any]
) -> None:
    sleep_on_the_bell(database)
    with app.transaction():
        enqueue(app)
        enqueue(app)
        enqueue(app, queue="mail")
        assert heard(listener, 0.1) == []
    assert sorted(heard(listener)) == [("taskbell_wake", "default"), ("taskbell_wake", "mail")]


def test_a_waiting_sleeper_counts_as_asleep(
    database: Database, app: psycopg.Connection[Any], listener: psycopg.Connection[Any]
) -> None:
    """Behind an enqueuer in flight a worker waits for the lock; those who come later must ring."""
    in_flight = database.connect()
    waiter = database.connect()
    with in_flight.transaction():
        enqueue(in_flight)
        waiter.pgconn.send_query(b"select pg_advisory_lock(taskbell.bell_key())")
        watcher = database.connect()
        while watcher.execute(
            "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        ).fetchone() == (0,):
            pass
        enqueue(app)
        assert heard(listener) == [("taskbell_wake", "default")]
    assert waiter.pgconn.get_result() is not None
    enqueue(app)
    assert heard(listener) == [("taskbell_wake", "default")]


def test_tasks_of_the_far_future_ring_nobody(
    database: Database, app: psycopg.Connection[Any], listener: psycopg.Connection[Any]
) -> None:
    sleep_on_the_bell(database)
    enqueue(app, run_at="2090-01-01T00:00:00Z")
    assert heard(listener) == []


def test_very_many_queues_ring_once(
    database: Database, app: psycopg.Connection[Any], listener: psycopg.Connection[Any]
) -> None:
    sleep_on_the_bell(database)
    app.execute(
        "select from taskbell.enqueue_many((select jsonb_agg(jsonb_build_object('task', 'echo', 'queue', 'q' || n)) from generate_series(1, 15000) as n))"
    )
    assert heard(listener) == [("taskbell_wake", "")]


def test_release_retry_resume_and_reschedule_wake_too(
    database: Database, app: psycopg.Connection[Any], listener: psycopg.Connection[Any], hand: Hands
) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    sleep_on_the_bell(database)
    worker.release(task_id)
    assert heard(listener) == [("taskbell_wake", "default")]
    app.execute("select taskbell.cancel(%s)", [task_id])
    app.execute("select taskbell.retry(%s)", [task_id])
    assert heard(listener) == [("taskbell_wake", "default")]
    app.execute("select taskbell.reschedule(%s)", [task_id])
    assert heard(listener) == [("taskbell_wake", "default")]
    app.execute("select taskbell.resume()")
    assert heard(listener) == [("taskbell_wake", "")]
    worker.call("unhold(%s, 'default')", worker.id)
    assert heard(listener) == [("taskbell_wake", "default")]


def test_a_task_rings_its_channel_at_every_change_but_the_claim(
    database: Database, app: psycopg.Connection[Any], hand: Hands
) -> None:
    task_id = enqueue(app, max_attempts=2)
    listener = database.connect()
    row = app.execute("select taskbell.channel(%s)", [task_id]).fetchone()
    assert row == (f"task_{task_id.hex}",)
    listener.execute(f"listen {row[0]}")
    worker = hand()
    worker.hold()

    def rung() -> list[tuple[str, int]]:
        messages = [json.loads(payload) for _, payload in heard(listener)]
        assert all(set(message) == {"id", "status", "seq"} and message["id"] == str(task_id) for message in messages)
        assert not messages or messages[-1]["seq"] == get(app, task_id)["seq"]
        return [(message["status"], message["seq"]) for message in messages]

    worker.claim()
    assert rung() == []
    worker.progress(task_id, 0.5, "half")
    assert rung() == [("running", 3)]
    worker.fail(task_id, after=0)
    assert rung() == [("queued", 4)]
    worker.claim()
    worker.complete(task_id)
    assert rung() == [("succeeded", 6)]
    app.execute("select taskbell.retry(%s)", [task_id])
    assert rung() == [("queued", 7)]
    app.execute("select taskbell.cancel(%s)", [task_id])
    assert rung() == [("cancelled", 8)]


def test_progress_keeps_what_it_is_not_told(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    worker.progress(task_id, 0.25, "x" * 2000)
    assert get(app, task_id)["progress"] == {"fraction": 0.25, "note": "x" * 1024}
    worker.progress(task_id, 7)
    assert get(app, task_id)["progress"] == {"fraction": 1, "note": "x" * 1024}
    worker.progress(task_id, note="end")
    assert get(app, task_id)["progress"] == {"fraction": 1, "note": "end"}
