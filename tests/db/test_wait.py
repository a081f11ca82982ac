"""taskbell.wait blocks until the end, and refuses where the end can never come."""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.hand import Hand, enqueue
from tests.servers import Database


def test_it_returns_the_finished_task(
    database: Database, app: psycopg.Connection[Any], hand: Callable[..., Hand]
) -> None:
    task_id = enqueue(app)
    answers: list[Any] = []
    waiter = database.connect()
    thread = threading.Thread(
        target=lambda: answers.append(waiter.execute("select taskbell.wait(%s)", [task_id]).fetchone())
    )
    thread.start()
    worker = hand()
    worker.hold()
    worker.claim()
    worker.complete(task_id, result="done")
    thread.join(5)
    assert answers[0][0]["result"] == "done"
    again = app.execute("select taskbell.wait(%s, '0 s')", [task_id]).fetchone()
    assert again is not None
    assert again[0]["status"] == "succeeded"


REFUSALS = [
    ("select taskbell.wait(%s, '50 ms')", "TB004"),
    ("select taskbell.wait(%s, '61 s')", "TB005"),
    ("select taskbell.wait(%s, null)", "TB005"),
    ("select taskbell.wait(gen_random_uuid())", "TB001"),
]


@pytest.mark.parametrize(("query", "state"), REFUSALS)
def test_what_it_refuses(app: psycopg.Connection[Any], query: str, state: str) -> None:
    task_id = enqueue(app)
    with pytest.raises(psycopg.Error) as caught:
        app.execute(query.replace("%s", f"'{task_id}'"))  # type: ignore[arg-type]  # SQL made here
    assert caught.value.sqlstate == state


@pytest.mark.parametrize("savepoint", [False, True])
def test_it_never_waits_for_its_own_transaction(app: psycopg.Connection[Any], savepoint: bool) -> None:
    with app.transaction(force_rollback=True):
        if savepoint:
            with app.transaction():
                task_id = enqueue(app)
        else:
            task_id = enqueue(app)
        with pytest.raises(psycopg.Error) as caught:
            app.execute("select taskbell.wait(%s)", [task_id])
        assert caught.value.sqlstate == "TB002"


def test_it_refuses_a_snapshot_that_never_moves(app: psycopg.Connection[Any]) -> None:
    task_id = enqueue(app)
    app.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with app.transaction(force_rollback=True), pytest.raises(psycopg.Error) as caught:
        app.execute("select taskbell.wait(%s)", [task_id])
    assert caught.value.sqlstate == "TB002"
