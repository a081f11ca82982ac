"""Batches: one statement, all or nothing."""

import json
from typing import Any
from uuid import RFC_4122

import psycopg
import pytest

from tests.db.hand import enqueue, get
from tests.servers import Database

BAD = [
    ("{}", "not a JSON array"),
    ("null", "not a JSON array"),
    ('[{"task": "echo"}, 5]', "does not fit"),
    ('[{"task": "echo"}, {"task": "a b"}]', "task 2: task name"),
    ("[{}]", "task 1: task name"),
    ('[{"task": "echo", "colour": 1}]', "task 1: it has a key"),
    ('[{"task": "echo", "priority": "high"}]', "does not fit"),
    ('[{"task": "echo", "priority": 1.5}]', "task 1: priority"),
    ('[{"task": "echo", "run_at": "soon"}]', "does not fit"),
    ('[{"task": "echo", "timeout": 0}]', "task 1: timeout"),
    ('[{"task": "echo", "timeout": 1e300}]', "task 1: timeout"),
    ('[{"task": "echo", "payload": [1]}]', "task 1: the payload"),
    ('[{"task": "echo", "idempotency_key": ""}]', "task 1: the idempotency key"),
]


def many(connection: psycopg.Connection[Any], *tasks: dict[str, Any]) -> list[tuple[int, Any, bool]]:
    """Enqueue a batch; return its rows."""
    return connection.execute("select * from taskbell.enqueue_many(%s)", [json.dumps(tasks)]).fetchall()


@pytest.mark.parametrize(("tasks", "words"), BAD)
def test_the_first_wrong_one_is_named_and_nothing_is_stored(
    app: psycopg.Connection[Any], tasks: str, words: str
) -> None:
    with pytest.raises(psycopg.Error, match=words) as caught:
        app.execute("select * from taskbell.enqueue_many(%s)", [tasks])
    assert caught.value.sqlstate == "TB005"
    assert app.execute("select count(*) from taskbell.tasks").fetchone() == (0,)


def test_a_row_each_in_order(app: psycopg.Connection[Any]) -> None:
    rows = many(app, *({"task": "echo", "payload": {"n": n}} for n in range(500)))
    assert [row[0] for row in rows] == list(range(1, 501))
    assert [row[1] for row in rows] == sorted(row[1] for row in rows)
    assert all(row[2] for row in rows)
    assert get(app, rows[7][1])["payload"] == {"n": 7}
    assert many(app) == []


def test_ids_are_of_version_7_and_grow_from_batch_to_batch(database: Database, app: psycopg.Connection[Any]) -> None:
    batches = [[row[1] for row in many(app, *([{"task": "echo"}] * 300))] for _ in range(3)]
    ids = [
        *batches[0],
        *batches[1],
        *batches[2],
        enqueue(app),
        *(row[1] for row in many(app, *([{"task": "echo"}] * 2))),
    ]
    assert ids == sorted(set(ids))
    assert {(task_id.version, task_id.variant) for task_id in ids} == {(7, RFC_4122)}
    big = database.connect("superuser").execute("select taskbell.uuid7s(300000)").fetchone()
    assert big is not None
    assert big[0] == sorted(set(big[0]))


def test_rows_are_stored_in_the_order_of_their_ids(database: Database, app: psycopg.Connection[Any]) -> None:
    """Turned round (as a hash join may), a batch of 10,000 writes a tenth more WAL and half as big an index again."""
    app.execute("select taskbell.register(gen_random_uuid(), 'w', 1, '0', null, '[{\"name\": \"echo\"}]')")
    many(app, *({"task": "echo", "queue": "q", "payload": {"n": n}} for n in range(1000)))
    su = database.connect("superuser")
    stored = [row[0] for row in su.execute("select id from taskbell.live order by ctid")]
    assert stored == sorted(stored)


def test_every_field_arrives(app: psycopg.Connection[Any]) -> None:
    [(_, task_id, _)] = many(
        app,
        {
            "task": "echo",
            "queue": "q",
            "priority": -5,
            "run_at": "2030-01-02T03:04:05Z",
            "max_attempts": 9,
            "timeout": 2.5,
        },
    )
    task = get(app, task_id)
    assert (task["queue"], task["priority"], task["run_at"], task["max_attempts"]) == (
        "q",
        -5,
        "2030-01-02T03:04:05.000000Z",
        9,
    )
    row = app.execute("select timeout from taskbell.tasks").fetchone()
    assert row is not None
    assert row[0].total_seconds() == 2.5


def test_keys_repeat_within_a_batch_and_across(app: psycopg.Connection[Any]) -> None:
    before = enqueue(app, payload={"n": 0}, idempotency_key="zero")
    rows = many(
        app,
        {"task": "echo", "payload": {"n": 0}, "idempotency_key": "zero"},
        {"task": "echo", "payload": {"n": 1}, "idempotency_key": "one"},
        {"task": "echo", "payload": {"n": 1}, "idempotency_key": "one"},
        {"task": "echo"},
    )
    assert rows[0][1:] == (before, False)
    assert rows[1][2]
    assert rows[2][1:] == (rows[1][1], False)
    assert rows[3][2]
    assert app.execute("select count(*) from taskbell.tasks").fetchone() == (3,)
    with pytest.raises(psycopg.Error) as caught:
        many(app, {"task": "echo"}, {"task": "echo", "payload": {"n": 2}, "idempotency_key": "one"})
    assert caught.value.sqlstate == "TB003"
    assert app.execute("select count(*) from taskbell.tasks").fetchone() == (3,)


def test_a_batch_too_big_for_its_queue_is_refused_whole(app: psycopg.Connection[Any]) -> None:
    app.execute("select taskbell.configure('small', max_depth => 2)")
    with pytest.raises(psycopg.Error) as caught:
        many(app, *({"task": "echo", "queue": "small"} for _ in range(3)))
    assert caught.value.sqlstate == "TB006"
    assert len(many(app, {"task": "echo", "queue": "small"}, {"task": "echo", "queue": "small"})) == 2
