"""A claim's token is the fence: with another one nothing changes."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.db.hand import Clock, Hand, enqueue, get
from tests.servers import Database

Hands = Callable[..., Hand]


def test_a_completed_task_has_its_result_and_times(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    assert worker.complete(task_id, result={"n": [1, None]}) == []
    task = get(app, task_id)
    assert (task["status"], task["result"], task["error"], task["seq"]) == ("succeeded", {"n": [1, None]}, None, 3)
    assert task["created_at"] <= task["started_at"] <= task["finished_at"]
    assert app.execute("select run, status, worker_name from taskbell.attempts").fetchone() == (
        1,
        "succeeded",
        f"hand-{str(worker.id)[:4]}",
    )


@pytest.mark.parametrize("act", ["complete", "fail", "progress", "release"])
def test_a_stale_worker_changes_nothing_and_is_counted(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock, act: str
) -> None:
    task_id = enqueue(app)
    stale, fresh = hand(), hand()
    stale.hold()
    stale.claim()
    clock.move(31)
    assert fresh.hold()
    clock.move(10)
    fresh.beat("default")
    [row] = fresh.claim()
    assert row.id == task_id
    before = get(app, task_id)
    assert getattr(stale, act)(task_id) == [(task_id, "stale")]
    assert get(app, task_id) == before
    assert app.execute("select stale_calls from taskbell.health").fetchone() == (1,)
    assert fresh.complete(task_id, result="mine") == []
    assert getattr(stale, act)(task_id) == [(task_id, "stale")]
    assert get(app, task_id)["result"] == "mine"


def test_a_beat_for_a_queue_that_another_worker_holds_renews_nothing_and_is_counted(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    stale, fresh = hand(), hand()
    assert stale.hold()
    clock.move(6)
    assert fresh.hold()
    clock.move(4)
    assert stale.beat("default", "nobodys") == {"known": True, "held": [], "cancel": []}
    assert counted(app) == 1
    clock.move(2)
    assert stale.hold(), "the beat did not lengthen the other one's hold, whose last renewal is 6 s old"
    assert stale.beat("default")["held"] == ["default"]
    assert counted(app) == 1


def test_a_beat_of_a_worker_that_is_not_known_renews_nothing_and_is_counted(
    database: Database, app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    task_id = enqueue(app)
    worker, other = hand(), hand()
    worker.hold()
    worker.claim()
    database.connect("superuser").execute("delete from taskbell.worker where id = %s", [worker.id])
    assert worker.beat("default") == {"known": False, "held": [], "cancel": []}
    assert counted(app) == 1
    clock.move(6)
    assert other.hold(), "the beat renewed nothing"
    assert get(app, task_id)["status"] == "queued"
    other.call("deregister(%s)", other.id)
    assert other.call("heartbeat(%s, '{default}', true, 'redis', true)", other.id)[0][0]["known"] is False
    assert counted(app) == 1, "what was under way while it said goodbye is not stale"


def counted(app: psycopg.Connection[Any]) -> int:
    row = app.execute("select stale_calls from taskbell.health").fetchone()
    assert row is not None
    return int(row[0])


def test_the_same_worker_is_fenced_off_its_own_earlier_claim(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    first_token = worker.claims[task_id]
    worker.release(task_id)
    worker.claim()
    second_token = worker.claims[task_id]
    worker.claims[task_id] = first_token
    assert worker.complete(task_id) == [(task_id, "stale")]
    worker.claims[task_id] = second_token
    assert worker.complete(task_id) == []


def test_a_batch_stores_the_good_and_names_the_stale(app: psycopg.Connection[Any], hand: Hands) -> None:
    ids = [enqueue(app) for _ in range(5)]
    worker = hand()
    worker.hold()
    worker.claim()
    worker.claims[ids[2]] = uuid4()
    assert worker.complete(*ids) == [(ids[2], "stale")]
    assert [get(app, task_id)["status"] for task_id in ids] == [
        "succeeded",
        "succeeded",
        "running",
        "succeeded",
        "succeeded",
    ]


def test_a_row_in_somebodys_open_transaction_holds_up_nobody_else(
    database: Database, app: psycopg.Connection[Any], hand: Hands
) -> None:
    ids = [enqueue(app) for _ in range(3)]
    worker = hand()
    worker.hold()
    worker.claim()
    client = database.connect()
    with client.transaction():
        client.execute("select taskbell.cancel(%s)", [ids[1]])
        assert worker.complete(*ids, result="done") == [(ids[1], "busy")]
        assert worker.progress(ids[1], 0.5) == [(ids[1], "busy")]
        assert worker.fail(ids[1]) == [(ids[1], "busy")]
        assert worker.beat("default")["known"]
        assert [get(app, task_id)["status"] for task_id in ids] == ["succeeded", "running", "succeeded"]
    assert worker.complete(ids[1], result="done") == []
    assert get(app, ids[1])["result"] == "done"


def test_reconcile_gives_back_what_the_worker_does_not_know_of(app: psycopg.Connection[Any], hand: Hands) -> None:
    lost, kept = enqueue(app), enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim(1)
    worker.claim(1)
    assert worker.call("reconcile(%s, %s)", worker.id, [worker.claims[kept]])[0][0] == 1
    assert (get(app, lost)["status"], get(app, lost)["attempt"]) == ("queued", 0)
    assert get(app, kept)["status"] == "running"
