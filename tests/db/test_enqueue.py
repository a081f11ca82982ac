"""What taskbell.enqueue takes, fills in, and refuses."""

import threading
import time
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.db.hand import Hand, enqueue, get
from tests.servers import Database

ERRORS = [
    ({"task": ""}, "task name"),
    ({"task": "a b"}, "task name"),
    ({"task": "x" * 129}, "task name"),
    ({"queue": "a/b"}, "queue name"),
    ({"queue": "x" * 65}, "queue name"),
    ({"priority": 101}, "priority"),
    ({"priority": -101}, "priority"),
    ({"run_at": "infinity"}, "run_at"),
    ({"run_at": "9999-01-01T00:00:00Z"}, "run_at"),
    ({"max_attempts": 0}, "max_attempts"),
    ({"max_attempts": 101}, "max_attempts"),
    ({"timeout": "0.5 s"}, "timeout"),
    ({"timeout": "8 days"}, "timeout"),
    ({"idempotency_key": ""}, "idempotency key"),
    ({"idempotency_key": "x" * 201}, "idempotency key"),
]


@pytest.mark.parametrize(("options", "words"), ERRORS)
def test_bad_arguments_are_tb005_with_a_sentence(
    app: psycopg.Connection[Any], options: dict[str, object], words: str
) -> None:
    with pytest.raises(psycopg.Error, match=words) as caught:
        enqueue(app, **({"task": "echo"} | options))  # type: ignore[arg-type]  # SQL made here
    assert caught.value.sqlstate == "TB005"
    assert app.execute("select count(*) from taskbell.tasks").fetchone() == (0,)


@pytest.mark.parametrize("payload", ["[]", "1", "null", '"text"'])
def test_a_payload_is_an_object(app: psycopg.Connection[Any], payload: str) -> None:
    with pytest.raises(psycopg.Error, match="not a JSON object") as caught:
        app.execute("select taskbell.enqueue('echo', %s)", [payload])
    assert caught.value.sqlstate == "TB005"


def test_a_payload_holds_one_mib_and_64_levels(app: psycopg.Connection[Any]) -> None:
    overhead = len('{"x": ""}')
    enqueue(app, payload={"x": "y" * (2**20 - overhead)})
    with pytest.raises(psycopg.Error, match="1 MiB"):
        enqueue(app, payload={"x": "y" * (2**20 - overhead + 1)})

    def nested(levels: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for _ in range(levels - 1):
            value = {"a": value}
        return value

    enqueue(app, payload=nested(64))
    with pytest.raises(psycopg.Error, match="deeper than 64"):
        enqueue(app, payload=nested(65))


def test_what_looks_plain_has_no_flaw(database: Database) -> None:
    """enqueue() looks closely only at what does not look plain."""
    names = ["", "a b", "echo\n", "é", "A-z_0.9", *("x" * length for length in (1, 64, 65, 128, 129)), None]
    payloads = [
        "{}",
        "[]",
        "null",
        "7",
        '{"a": 1}',
        '{"a": ' * 65 + "1" + "}" * 65,
        '{"a": ' + "[" * 64 + "]" * 64 + "}",
    ]
    made = database.connect("superuser").execute(
        "select taskbell.is_plain(t, p, q), taskbell.flaw(t, p, q, 0, null, null, null, null)"
        " from unnest(%s::text[]) as t, unnest(%s::jsonb[]) as p, unnest(%s::text[]) as q",
        [names, payloads, names],
    )
    found = set(made.fetchall())
    assert (True, None) in found
    assert not [flaw for plain, flaw in found if plain and flaw is not None]
    assert {plain for plain, _ in found} == {True, False}


def test_defaults_come_from_the_task_then_the_queue_then_the_house(
    database: Database, app: psycopg.Connection[Any]
) -> None:
    task = get(app, enqueue(app))
    assert (task["queue"], task["max_attempts"], task["priority"]) == ("default", 3, 0)
    app.execute("select taskbell.configure('mail', max_attempts => 7, timeout => '2 min')")
    types = '[{"name": "mail", "queue": "mail", "timeout": 5}]'
    app.execute("select taskbell.register(gen_random_uuid(), 'w', 1, '0', null, %s)", [types])
    enqueue(app, "mail")
    row = app.execute("select queue, max_attempts, timeout from taskbell.tasks where task = 'mail'").fetchone()
    assert row is not None
    assert (row[0], row[1], row[2].total_seconds()) == ("mail", 7, 5)
    enqueue(app, "mail", queue="other", max_attempts=1, timeout="9 s")
    row = app.execute("select max_attempts, timeout from taskbell.tasks where queue = 'other'").fetchone()
    assert row is not None
    assert (row[0], row[1].total_seconds()) == (1, 9)


def test_it_is_part_of_the_callers_transaction(database: Database, app: psycopg.Connection[Any]) -> None:
    other = database.connect()
    with app.transaction():
        task_id = enqueue(app)
        assert other.execute("select taskbell.get(%s)", [task_id]).fetchone() == (None,)
        raise psycopg.Rollback
    assert other.execute("select taskbell.get(%s)", [task_id]).fetchone() == (None,)


def test_ids_are_version_7_and_in_order(app: psycopg.Connection[Any]) -> None:
    rows = app.execute("select taskbell.enqueue('echo') from generate_series(1, 2000)").fetchall()
    ids = [row[0] for row in rows]
    assert ids == sorted(ids)
    assert {task_id.version for task_id in ids} == {7}


def test_an_unknown_task_is_taken_with_a_warning(app: psycopg.Connection[Any]) -> None:
    notices: list[str | None] = []
    app.add_notice_handler(lambda notice: notices.append(notice.severity))
    task_id = enqueue(app, "nobody.knows")
    assert notices == ["WARNING"]
    assert get(app, task_id)["status"] == "queued"


def test_a_key_returns_the_task_that_has_it_also_when_it_has_finished(app: psycopg.Connection[Any], hand: Any) -> None:
    worker: Hand = hand()
    first = enqueue(app, payload={"n": 1}, idempotency_key="k")
    assert enqueue(app, payload={"n": 1}, idempotency_key="k") == first
    assert enqueue(app, payload={"n": 1}, idempotency_key="k", queue="elsewhere") != first
    assert worker.hold()
    worker.claim()
    worker.complete(first)
    assert enqueue(app, payload={"n": 1}, idempotency_key="k") == first
    for task, payload in [("echo", {"n": 2}), ("other", {"n": 1})]:
        with pytest.raises(psycopg.Error) as caught:
            enqueue(app, task, payload, idempotency_key="k")
        assert caught.value.sqlstate == "TB003"
    app.execute("select taskbell.prune('0 s')")
    assert enqueue(app, payload={"n": 2}, idempotency_key="k") != first


def test_a_rolled_back_key_is_free(app: psycopg.Connection[Any]) -> None:
    with app.transaction():
        lost = enqueue(app, idempotency_key="k")
        raise psycopg.Rollback
    assert enqueue(app, idempotency_key="k") != lost


def test_one_key_in_two_open_transactions_makes_one_task(database: Database, app: psycopg.Connection[Any]) -> None:
    other = database.connect()
    answers: list[UUID] = []
    with app.transaction():
        mine = enqueue(app, idempotency_key="k")
        thread = threading.Thread(target=lambda: answers.append(enqueue(other, idempotency_key="k")))
        thread.start()
        # Another key, and no key, wait for nobody meanwhile.
        third = database.connect()
        third.execute("set statement_timeout = '1s'")
        enqueue(third, idempotency_key="another")
        enqueue(third)
    thread.join()
    assert answers == [mine]


def test_a_key_held_in_an_open_transaction_is_waited_for_two_seconds(
    database: Database, app: psycopg.Connection[Any]
) -> None:
    other = database.connect()
    with app.transaction():
        enqueue(app, idempotency_key="k")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            enqueue(other, idempotency_key="k")


@pytest.mark.parametrize(("own", "least", "most"), [("100ms", 0.1, 1.5), ("1min", 1.9, 10), ("0", 1.9, 10)])
def test_a_key_is_waited_for_no_longer_than_the_callers_lock_timeout(
    database: Database, app: psycopg.Connection[Any], own: str, least: float, most: float
) -> None:
    other = database.connect()
    other.execute(f"set lock_timeout = '{own}'")
    with app.transaction():
        enqueue(app, idempotency_key="k")
        asked = time.monotonic()
        with pytest.raises(psycopg.errors.LockNotAvailable):
            enqueue(other, idempotency_key="k")
        assert least < time.monotonic() - asked < most
    with other.transaction():
        enqueue(other, idempotency_key="k")
        enqueue(other, idempotency_key="another")
        assert other.execute("show lock_timeout").fetchone() == (own,)


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("key:shop:order 1", "key:shop"),
        ("key:shop:", "key:shop"),
        ("anonymous:0b8e4ac6-4f0e-4c1c-a3a0-6b1f6f2f6a55", "anonymous"),
    ],
)
def test_a_key_of_a_caller_of_the_api_is_taken_by_that_caller_alone(
    database: Database, app: psycopg.Connection[Any], key: str, owner: str
) -> None:
    database.login("shop", "taskbell_producer")
    shop = database.connect("shop")
    shop.execute("set taskbell.actor = 'key:shop'")  # counts for the API's login alone
    batch = Jsonb([{"task": "echo"}, {"task": "echo", "idempotency_key": key}])
    single = f"select taskbell.enqueue('echo', idempotency_key => '{key}')"
    for connection, actor in ((shop, ""), (app, ""), (app, "key:mill"), (app, "key:shop2"), (app, "admin:shop")):
        for query, arguments in ((single, []), ("select taskbell.enqueue_many(%s)", [batch])):
            with connection.transaction(force_rollback=True):
                if actor:
                    connection.execute("select taskbell.act_as(%s)", [actor])
                with pytest.raises(psycopg.Error) as refused:
                    connection.execute(query, arguments)
            assert refused.value.sqlstate == "TB005"
            assert "keeps for its caller" in str(refused.value)
    assert "task 2: " in str(refused.value)
    with app.transaction():
        app.execute("select taskbell.act_as(%s)", [owner])
        app.execute(single)
    for alike in ("key:1", "anonymous:order 1", "keys:shop:1"):
        shop.execute("select taskbell.enqueue('echo', idempotency_key => %s)", [alike])


def test_a_full_queue_is_tb006(app: psycopg.Connection[Any]) -> None:
    app.execute("select taskbell.configure('small', max_depth => 2)")
    enqueue(app, queue="small")
    enqueue(app, queue="small")
    with pytest.raises(psycopg.Error) as caught:
        enqueue(app, queue="small")
    assert caught.value.sqlstate == "TB006"
    app.execute("select taskbell.configure('small', max_depth => 0)")
    enqueue(app, queue="small")
