"""Cancelling: at once while queued, asked for while running, recorded always."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.hand import Clock, Hand, enqueue, get

Hands = Callable[..., Hand]


def test_a_queued_task_is_cancelled_at_once(app: psycopg.Connection[Any]) -> None:
    task_id = enqueue(app)
    assert app.execute("select taskbell.cancel(%s, 'bored')", [task_id]).fetchone() == ("cancelled",)
    task = get(app, task_id)
    assert (task["status"], task["error"]["type"]) == ("cancelled", "Cancelled")
    assert task["error"]["message"].endswith(": bored")
    assert app.execute("select cancelled_by, cancel_reason from taskbell.tasks").fetchone() == (app.info.user, "bored")
    assert app.execute("select taskbell.cancel(%s)", [task_id]).fetchone() == ("cancelled",)
    assert app.execute("select act, actor, task_id from taskbell.acts").fetchall() == [
        ("cancel", app.info.user, task_id)
    ]


@pytest.mark.parametrize("end", ["cancel", "retry", "release", "lost", "complete"])
def test_a_running_task_is_asked_and_ends_as_it_can(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock, end: str
) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    worker.connection.execute(f"listen taskbell_worker_{worker.id.hex}")
    assert app.execute("select taskbell.cancel(%s, 'now')", [task_id]).fetchone() == ("running",)
    [notice] = worker.connection.notifies(timeout=5, stop_after=1)
    assert json.loads(notice.payload) == {"cancel": str(task_id)}
    assert worker.beat("default")["cancel"] == [str(task_id)]
    if end in {"cancel", "retry"}:
        assert worker.fail(task_id, end) == []
    elif end == "release":
        assert worker.release(task_id, begun=True) == []
    elif end == "lost":
        clock.move(31)
        assert hand().call("rescue()")[0][0] == 1
    else:
        assert worker.complete(task_id, result=1) == []
    task = get(app, task_id)
    # A run that ended well before it heard keeps its result: the work was done.
    assert task["status"] == ("succeeded" if end == "complete" else "cancelled")
    assert app.execute("select cancelled_by, cancel_reason from taskbell.tasks").fetchone() == (app.info.user, "now")


def test_a_finished_task_cannot_be_cancelled(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    worker.complete(task_id)
    with pytest.raises(psycopg.Error, match="already succeeded") as caught:
        app.execute("select taskbell.cancel(%s)", [task_id])
    assert caught.value.sqlstate == "TB002"
    with pytest.raises(psycopg.Error) as caught:
        app.execute("select taskbell.cancel(gen_random_uuid())")
    assert caught.value.sqlstate == "TB001"


def test_a_cancelled_task_can_be_retried(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app)
    app.execute("select taskbell.cancel(%s)", [task_id])
    app.execute("select taskbell.retry(%s)", [task_id])
    worker = hand()
    worker.hold()
    worker.claim()
    assert worker.beat("default")["cancel"] == []
    worker.complete(task_id)
    assert get(app, task_id)["status"] == "succeeded"
