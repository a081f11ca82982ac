"""What a poll tells where there are very many names of queues: little, soon, and in the end every task that it knows."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.db.hand import Hand, enqueue
from tests.db.test_claim import explain
from tests.servers import Database

Hands = Callable[..., Hand]

ALWAYS = {"default", "public"}
INDEXES = {"live_to_claim", "live_pkey", "holder_of_worker", "queue_with_settings"}
LATER = "2090-01-01T00:00:00Z"


def junk(connection: psycopg.Connection[Any], count: int, task: str, name: str = "junk", **options: Any) -> None:
    """Enqueue a task into each of so many new queues."""
    connection.execute("set client_min_messages = error")  # nobody knows the task
    connection.execute(
        "select count(*) from taskbell.enqueue_many("
        " (select jsonb_agg(%s::jsonb || jsonb_build_object('queue', %s || n)) from generate_series(1, %s::int) as n))",
        [json.dumps({"task": task} | options), name, count],
    )


def rows(connection: psycopg.Connection[Any]) -> set[str]:
    """Return the names of the queues that have a row."""
    return {row[0] for row in connection.execute("select name from taskbell.queues")}


def test_names_of_tasks_that_are_unknown_or_far_off_are_neither_told_nor_made_rows_for(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    junk(app, 300, "nobody", "unknown")
    junk(app, 300, "echo", "later", run_at=LATER)
    enqueue(app, queue="mine")
    worker = hand()
    assert set(worker.poll()) == rows(app) == {*ALWAYS, "mine"}


def test_a_walk_goes_on_where_the_last_poll_stopped_and_tells_every_queue_once(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    junk(app, 25_000, "nobody")
    for name in ("aaa", "junk17000x", "zzz"):
        enqueue(app, queue=name)
    worker = hand()
    told: list[str] = []
    walk_after, polls = "", 0
    while walk_after is not None:
        states = worker.poll((), None, walk_after)
        told += states
        walk_after = states["default"].walked_to
        polls += 1
    assert polls > 2
    assert sorted(name for name in told if name not in ALWAYS) == ["aaa", "junk17000x", "zzz"]


def test_of_thousands_of_due_queues_a_poll_tells_some(app: psycopg.Connection[Any], hand: Hands) -> None:
    junk(app, 5000, "echo")
    worker = hand()
    walk_after = ""
    while walk_after is not None:
        states = worker.poll((), None, walk_after)
        assert len(states) <= 302
        walk_after = states["default"].walked_to
    won = sorted(name for name in worker.poll() if name not in ALWAYS)[:100]
    for name in won:
        worker.hold(name)
        worker.complete(*[row.id for row in worker.claim(queue=name)])
    assert set(won) <= worker.poll().keys(), "what it holds"
    for name in won:
        worker.call("unhold(%s, %s)", worker.id, name)
    states = worker.poll()
    assert not states.keys() & set(won)
    assert len(states) > 250


def test_what_rang_what_is_new_and_what_is_configured_is_told_without_a_walk(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    junk(app, 100, "nobody")
    app.execute("select taskbell.configure('settled', exclusive => false)")
    for name in ("rang", "new", "settled", "held"):
        enqueue(app, queue=name)
    worker = hand()
    worker.hold("held")
    now = datetime.now(UTC).timestamp()
    assert set(worker.poll(("rang", "no.such", "junk7"), now + 60, None)) == {*ALWAYS, "held", "settled", "rang"}
    assert set(worker.poll((), now - 60, None)) == {*ALWAYS, "held", "settled", "rang", "new"}
    assert set(worker.poll((), None, None)) == {*ALWAYS, "held", "settled"}


def test_the_newest_thousand_are_looked_at_whatever_came_before(app: psycopg.Connection[Any], hand: Hands) -> None:
    since = datetime.now(UTC).timestamp() - 1
    enqueue(app, queue="before")
    junk(app, 999, "nobody")
    enqueue(app, queue="behind")
    worker = hand()
    assert set(worker.poll((), since, None)) == {*ALWAYS, "behind"}


def test_a_known_task_behind_unknown_ones_is_told(app: psycopg.Connection[Any], hand: Hands) -> None:
    app.execute("set client_min_messages = error")
    for name, unknown in (("few", 50), ("many", 200)):
        tasks = [{"task": "nobody", "queue": name}] * unknown
        app.execute("select count(*) from taskbell.enqueue_many(%s)", [json.dumps(tasks)])
    worker = hand()
    assert set(worker.poll()) == {*ALWAYS, "many"}, "behind a hundred there may be one that it knows"
    enqueue(app, queue="few")
    assert worker.poll()["few"].due
    enqueue(app, "nobody", queue="low", priority=3)
    enqueue(app, queue="low", priority=-3)
    assert worker.poll()["low"].due
    enqueue(app, "nobody", queue="waits")
    enqueue(app, queue="waits", run_at=datetime.now(UTC) + timedelta(seconds=40))
    waits = worker.poll()["waits"]
    assert not waits.due
    assert 30 < waits.next_due_in < 41


def test_each_of_those_who_enqueue_has_a_turn_before_anybody_has_a_second(
    database: Database, app: psycopg.Connection[Any], hand: Hands
) -> None:
    junk(app, 500, "echo")
    with psycopg.connect(database.login("other", "taskbell_producer"), autocommit=True) as other:
        for name in ("other1", "other2"):
            enqueue(other, queue=name)
    states = hand().poll()
    assert [states[name].turn for name in ("other1", "other2")] == [1, 2]
    assert sorted(state.turn for name, state in states.items() if name.startswith("junk")) == list(range(1, 299))


@pytest.mark.parametrize("emptied", [False, True])
def test_every_look_of_a_poll_is_into_an_index(database: Database, hand: Hands, emptied: bool) -> None:
    """The plans with many rows; those of tasks also where they were made while there were none."""
    superuser = database.connect("superuser")
    worker = hand()
    call = "select * from taskbell.poll(%s, '{junk4,x}', 0, '')"
    if emptied:
        superuser.execute("vacuum analyze taskbell.live")
        superuser.execute(call, [worker.id])
    junk(superuser, 12_000, "nobody")
    if not emptied:
        superuser.execute("insert into taskbell.queue (name) select 'junk' || n from generate_series(1, 20000) as n")
        superuser.execute(
            "insert into taskbell.holder (queue, worker, held_since, renewed_at, released)"
            " select 'junk' || n, gen_random_uuid(), now(), now(), true from generate_series(1, 20000) as n"
        )
        superuser.execute("analyze")
    plan = explain(superuser, "auto", call, [worker.id])
    statements = [
        text for text in plan.split("duration:") if "w.stopped_at is not null" not in text
    ]  # but the rescue's
    assert {name for name in INDEXES if name in plan} == INDEXES
    assert "JIT:" not in plan
    for table in ["live"] if emptied else ["live", "queue", "holder"]:
        assert not [text for text in statements if f"Seq Scan on taskbell.{table} " in text]
    assert not [line for line in plan.splitlines() if "Sort Key:" in line and "run_at" in line]


def test_what_is_paused_or_anothers_keeps_nothing_else_from_being_told(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    junk(app, 310, "echo", "paused")
    junk(app, 310, "echo", "theirs")
    app.execute("select taskbell.pause('paused' || n) from generate_series(1, 310) as n")
    app.execute("select taskbell.configure('shared', exclusive => false)")
    other, worker = hand(), hand()
    for number in range(1, 311):
        assert other.hold(f"theirs{number}")
    for name in ("fresh", "shared"):
        enqueue(app, queue=name)
    for walk_after in ("", None):
        states = worker.poll(("fresh", "shared"), None, walk_after)
        assert states["fresh"].due
        assert states["shared"].due
        assert len(states) <= 304


def test_a_silent_holders_queue_is_told_as_due_though_it_holds_running_tasks_alone(
    app: psycopg.Connection[Any], hand: Hands, clock: Any
) -> None:
    enqueue(app, queue="solo")
    holder, standby = hand(), hand()
    assert holder.hold("solo")
    assert holder.claim(queue="solo")
    assert "solo" not in standby.poll(), "while it beats"
    clock.move(6)
    standby.beat()
    state = standby.poll()["solo"]
    assert (state.due, state.free) == (True, True)
    assert standby.hold("solo")
    assert standby.claim(queue="solo"), "taken back with the queue"


def test_queues_of_all_priorities_cost_no_more_looks_than_those_of_four(
    app: psycopg.Connection[Any], hand: Hands
) -> None:
    app.execute("set client_min_messages = error")
    for priority in range(-100, 101, 2):
        junk(app, 300, "nobody", "deep", priority=priority)
    enqueue(app, queue="mine", priority=-100)
    worker = hand()
    names = tuple(f"deep{n}" for n in range(1, 301))
    before = looks(app)
    states = worker.poll(names, None, None)
    assert looks(app) - before < 300 * 9 + 100
    assert len(states) == 2 + 10, "there may be one behind: some are tried, and others the next time"
    assert len(set().union(*(worker.poll(names, None, None) for _ in range(5)))) > 20
    assert worker.poll()["mine"].due


def looks(connection: psycopg.Connection[Any]) -> int:
    """Return how often the index of queued tasks was looked into."""
    query = "select idx_scan from pg_stat_user_indexes where indexrelname = 'live_to_claim'"
    connection.execute("select pg_stat_clear_snapshot(), pg_sleep(1.1)")  # backends tell once a second
    row = connection.execute(query).fetchone()
    assert row
    return int(row[0])
