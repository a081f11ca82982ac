"""Dead workers: their claims come back, charged only where a run had begun."""

from collections.abc import Callable
from typing import Any

import psycopg

from tests.db.hand import Clock, Hand, enqueue, get
from tests.servers import Database

Hands = Callable[..., Hand]


def test_a_silent_workers_claims_come_back_after_one_lease(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    app.execute("select taskbell.configure('default', concurrency => 2)")
    ids = [enqueue(app) for _ in range(5)]
    dead, living = hand(), hand()
    dead.hold()
    dead.claim()
    clock.move(29.5)
    living.beat()
    assert living.call("rescue()")[0][0] == 0
    clock.move(0.6)
    living.beat()
    assert living.call("rescue()")[0][0] == 5
    assert [get(app, task_id)["attempt"] for task_id in ids] == [1, 1, 0, 0, 0]
    assert {get(app, task_id)["status"] for task_id in ids} == {"queued"}
    history = app.execute("select task_id, status, error ->> 'type' from taskbell.attempts order by task_id").fetchall()
    assert history == [(ids[0], "lost", "WorkerLost"), (ids[1], "lost", "WorkerLost")]


def test_the_last_attempt_lost_is_a_failure(app: psycopg.Connection[Any], hand: Hands, clock: Clock) -> None:
    task_id = enqueue(app, max_attempts=1)
    dead = hand()
    dead.hold()
    dead.claim()
    clock.move(31)
    dead.call("rescue()")
    task = get(app, task_id)
    assert (task["status"], task["error"]["type"]) == ("failed", "WorkerLost")


def test_a_beating_worker_keeps_its_claims_for_ever(
    database: Database, app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    task_id = enqueue(app)
    worker, other = hand(), hand()
    worker.hold()
    worker.claim()
    client = database.connect()
    with client.transaction():
        # Somebody's open transaction on the row keeps the lease from being renewed, and yet it is not lost.
        client.execute("select taskbell.cancel(%s)", [task_id])
        for _ in range(5):
            clock.move(15)
            worker.beat("default")
            assert other.call("rescue()")[0][0] == 0
        raise psycopg.Rollback
    assert other.call("rescue()")[0][0] == 0
    assert worker.complete(task_id) == []


def test_a_take_over_waits_one_lock_life_and_takes_the_claims_back(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    first, second = enqueue(app), enqueue(app)
    dead, living = hand(), hand()
    dead.hold()
    dead.claim()
    clock.move(4.9)
    assert not living.hold()
    clock.move(0.2)
    assert living.hold()
    assert [get(app, task_id)["attempt"] for task_id in (first, second)] == [1, 0]
    assert [row.id for row in living.claim()] == [first, second]
    assert dead.beat("default")["held"] == []
    assert dead.claim() == []


def test_a_clean_release_is_taken_over_at_once(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    first, second = hand(), hand()
    first.hold()
    first.claim()
    first.release(task_id)
    first.call("unhold(%s, 'default')", first.id)
    assert second.hold()
    assert len(second.claim()) == 1
    assert not first.hold()


def test_a_queue_made_exclusive_waits_for_the_others_to_finish(app: psycopg.Connection[Any], hand: Hands) -> None:
    app.execute("select taskbell.configure('wide', exclusive => false)")
    task_id = enqueue(app, queue="wide")
    first, second = hand(), hand()
    first.claim(1, "wide")
    app.execute("select taskbell.configure('wide', exclusive => true)")
    assert not second.hold("wide")
    first.complete(task_id)
    assert second.hold("wide")


def test_a_worker_that_was_forgotten_is_told_so(hand: Hands, app: psycopg.Connection[Any]) -> None:
    worker = hand()
    worker.hold()
    worker.call("deregister(%s)", worker.id)
    assert worker.beat("default") == {"known": False, "held": [], "cancel": []}
    enqueue(app)
    assert worker.claim() == []


def test_unknown_tasks_fail_after_ten_minutes_of_workers(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    unknown, known, future = enqueue(app, "nobody"), enqueue(app), enqueue(app, "nobody", run_at="2090-01-01T00:00:00Z")
    worker = hand()
    for _ in range(10):
        worker.beat()
        worker.call("prune_expired()")
        clock.move(60)
    assert get(app, unknown)["status"] == "queued"
    for _ in range(2):
        worker.beat()
        worker.call("prune_expired()")
        clock.move(60)
    task = get(app, unknown)
    assert (task["status"], task["error"]["type"]) == ("failed", "UnknownTask")
    assert get(app, known)["status"] == "queued"
    assert get(app, future)["status"] == "queued"


def test_unknown_tasks_wait_while_no_worker_runs(app: psycopg.Connection[Any], hand: Hands, clock: Clock) -> None:
    unknown = enqueue(app, "nobody")
    clock.move(3600)
    worker = hand()
    for _ in range(5):
        worker.beat()
        worker.call("prune_expired()")
        clock.move(60)
    assert get(app, unknown)["status"] == "queued"


def test_a_holder_from_before_waits_as_well_when_its_queue_is_exclusive_again(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    app.execute("select taskbell.configure('q')")
    tasks = [enqueue(app, queue="q") for _ in range(3)]
    holder, other = hand(), hand()
    assert holder.hold("q")
    app.execute("select taskbell.configure('q', exclusive => false)")
    assert [row.id for row in other.claim(1, "q")] == tasks[:1]
    app.execute("select taskbell.configure('q', exclusive => true)")
    assert holder.claim(1, "q") == []
    assert holder.beat("q")["held"] == []
    assert not holder.hold("q")
    other.complete(tasks[0])
    assert holder.hold("q")
    assert holder.beat("q")["held"] == ["q"]
    assert [row.id for row in holder.claim(1, "q")] == tasks[1:2]


def test_a_silent_worker_claims_nothing(app: psycopg.Connection[Any], hand: Hands, clock: Clock) -> None:
    app.execute("select taskbell.configure('wide', exclusive => false)")
    enqueue(app, queue="wide")
    worker = hand()
    clock.move(31)
    assert worker.claim(queue="wide") == []
    worker.beat()
    assert len(worker.claim(queue="wide")) == 1
