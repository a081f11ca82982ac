"""Who gets which task, in which order, and by which plan."""

import json
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.hand import Clock, Hand, enqueue, get
from tests.servers import Database

Hands = Callable[..., Hand]


def test_priority_then_run_at_then_id(app: psycopg.Connection[Any], hand: Hands) -> None:
    low = enqueue(app, priority=-1)
    late = enqueue(app)
    early = enqueue(app, run_at="2020-01-01T00:00:00Z")
    high = enqueue(app, priority=7)
    future = enqueue(app, priority=100, run_at="2090-01-01T00:00:00Z")
    last = enqueue(app)
    worker = hand()
    assert worker.hold()
    assert [row.id for row in worker.claim()] == [high, early, late, last, low]
    assert get(app, future)["status"] == "queued"


def test_a_claim_runs_under_a_fresh_token_and_counts_the_attempt(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app, payload={"n": 1}, timeout="90 s")
    worker = hand()
    worker.hold()
    [row] = worker.claim()
    assert (row.id, row.task, json.loads(row.payload), row.attempt, row.max_attempts, row.timeout) == (
        task_id,
        "echo",
        {"n": 1},
        1,
        3,
        90.0,
    )
    task = get(app, task_id)
    assert (task["status"], task["attempt"], task["seq"]) == ("running", 1, 2)
    assert worker.claim() == []


def test_a_look_that_finds_nothing_due_writes_nothing(app: psycopg.Connection[Any], hand: Hands) -> None:
    enqueue(app, priority=5, run_at="2090-01-01T00:00:00Z")
    worker = hand()
    worker.hold()
    with app.transaction():
        assert worker.claim() == []
        row = app.execute("select pg_current_xact_id_if_assigned()").fetchone()
    assert row == (None,)  # so its commit does not wait for the disk


def test_an_exclusive_queue_gives_nothing_to_others(app: psycopg.Connection[Any], hand: Hands) -> None:
    enqueue(app)
    first, second = hand(), hand()
    assert second.claim() == []
    assert first.hold()
    assert not second.hold()
    assert second.claim() == []
    assert len(first.claim()) == 1


def test_any_worker_claims_from_a_queue_that_is_not_exclusive(app: psycopg.Connection[Any], hand: Hands) -> None:
    app.execute("select taskbell.configure('wide', exclusive => false)")
    ids = {enqueue(app, queue="wide") for _ in range(4)}
    first, second = hand(), hand()
    claimed = [row.id for row in first.claim(2, "wide")] + [row.id for row in second.claim(10, "wide")]
    assert sorted(claimed) == sorted(ids)


def test_unknown_names_are_left_alone(app: psycopg.Connection[Any], hand: Hands) -> None:
    unknown = enqueue(app, "new.in.the.next.version")
    known = enqueue(app)
    worker = hand()
    worker.hold()
    assert [row.id for row in worker.claim()] == [known]
    assert get(app, unknown)["status"] == "queued"


def test_rows_that_somebody_locks_are_skipped(database: Database, app: psycopg.Connection[Any], hand: Hands) -> None:
    first, second = enqueue(app), enqueue(app)
    worker = hand()
    worker.hold()
    superuser = database.connect("superuser")
    with superuser.transaction():
        superuser.execute("select from taskbell.live where id = %s for update", [first])
        assert [row.id for row in worker.claim()] == [second]
    assert [row.id for row in worker.claim()] == [first]


def test_a_mark_starts_at_the_row_it_names(app: psycopg.Connection[Any], hand: Hands) -> None:
    ids = [enqueue(app) for _ in range(4)]
    low = enqueue(app, priority=-3)
    worker = hand()
    worker.hold()
    [row] = worker.claim(1)
    rest = worker.claim(10, mark=(row.priority, row.run_at, row.id))
    assert [row.id for row in rest] == [*ids[1:], low]


def test_a_paused_queue_gives_nothing(app: psycopg.Connection[Any], hand: Hands) -> None:
    enqueue(app)
    worker = hand()
    worker.hold()
    app.execute("select taskbell.configure('default')")
    for pause, resume in [("pause('default')", "resume('default')"), ("pause()", "resume()")]:
        app.execute(f"select taskbell.{pause}")
        assert worker.claim() == []
        assert [row.paused for row in worker.call("poll(%s)", worker.id) if row.queue == "default"] == [True]
        app.execute(f"select taskbell.{resume}")
    assert len(worker.claim()) == 1


def test_a_holder_that_did_not_renew_claims_nothing(app: psycopg.Connection[Any], hand: Hands, clock: Clock) -> None:
    enqueue(app)
    worker = hand()
    worker.hold()
    clock.move(5.1)
    assert worker.claim() == []
    assert worker.beat("default")["held"] == ["default"]
    assert len(worker.claim()) == 1


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
def test_the_claim_walks_the_index_and_nothing_else(database: Database, hand: Hands, plans: str) -> None:
    """The plan of the one statement that everything waits for, with many rows, both kinds of plan."""
    superuser = database.connect("superuser")
    superuser.execute(
        'select count(*) from taskbell.enqueue_many((select jsonb_agg(\'{"task": "echo"}\'::jsonb) from generate_series(1, 20000)))'
    )
    superuser.execute("analyze taskbell.live")
    worker = hand()
    worker.hold()
    plan = explain(superuser, plans, "select * from taskbell.claim(%s, 'default', '{echo}', 100)", [worker.id])
    assert "live_to_claim" in plan
    assert "Seq Scan on taskbell.live" not in plan
    assert "Seq Scan on live" not in plan
    [condition] = [line for line in plan.splitlines() if "Index Cond" in line and ".run_at, " in line]
    assert re.search(r"queue = .*priority\) = .*ROW\(\w+.run_at, \w+.id\) >= ROW.*run_at <= ", condition)


@pytest.mark.parametrize("plans", ["force_generic_plan", "force_custom_plan"])
def test_completing_never_walks_the_index_of_the_running(database: Database, hand: Hands, plans: str) -> None:
    superuser = database.connect("superuser")
    superuser.execute(
        'select count(*) from taskbell.enqueue_many((select jsonb_agg(\'{"task": "echo"}\'::jsonb) from generate_series(1, 20000)))'
    )
    worker = hand()
    worker.hold()
    rows = worker.claim(200)
    superuser.execute("analyze taskbell.live")
    ids, tokens = [row.id for row in rows], [row.token for row in rows]
    call = "select * from taskbell.complete(%s, %s, array_fill(0.0::float8, array[200]), (select jsonb_agg(1) from generate_series(1, 200)))"
    plan = explain(superuser, plans, call, [ids, tokens])
    assert "Delete on" in plan
    assert "live_of_worker" not in plan
    assert "Seq Scan on taskbell.live" not in plan
    assert "Seq Scan on live" not in plan


def explain(superuser: psycopg.Connection[Any], plans: str, query: str, arguments: list[Any]) -> str:
    """Return the plans of every statement inside a call, by auto_explain."""
    notices: list[str] = []
    superuser.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    superuser.execute("load 'auto_explain'")
    for setting in ["log_min_duration = 0", "log_nested_statements = on", "log_verbose = on"]:
        superuser.execute(f"set auto_explain.{setting}")
    superuser.execute("set client_min_messages = log")
    superuser.execute(f"set plan_cache_mode = {plans}")
    superuser.execute(query, arguments)  # type: ignore[arg-type]  # SQL made here
    superuser.execute("set client_min_messages = notice")
    return "\n".join(notices)
