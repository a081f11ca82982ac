"""Pause, configure, reschedule, prune, why."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.db.hand import Clock, Hand, enqueue, get

Hands = Callable[..., Hand]
BAD_SETTINGS = [
    "queue => 'a b'",
    "queue => null",
    "queue => 'q', concurrency => 0",
    "queue => 'q', concurrency => 1001",
    "queue => 'q', max_depth => -1",
    "queue => 'q', max_attempts => 0",
    "queue => 'q', timeout => '0'",
    "queue => 'q', keep_failed => '-1 day'",
]


@pytest.mark.parametrize("arguments", BAD_SETTINGS)
def test_bad_settings_are_tb005(app: psycopg.Connection[Any], arguments: str) -> None:
    with pytest.raises(psycopg.Error) as caught:
        app.execute(f"select taskbell.configure({arguments})")
    assert caught.value.sqlstate == "TB005"


def test_null_leaves_a_setting_as_it_is(app: psycopg.Connection[Any]) -> None:
    app.execute("select taskbell.configure('q', false, 5, 10, 2, '1 min', '1 h', '2 h')")
    row = app.execute("select taskbell.configure('q', concurrency => 6)").fetchone()
    assert row is not None
    settings = row[0]
    assert (settings["exclusive"], settings["concurrency"], settings["max_depth"], settings["max_attempts"]) == (
        False,
        6,
        10,
        2,
    )
    row = app.execute("select taskbell.configure('q', max_depth => 0)").fetchone()
    assert row is not None
    assert row[0]["max_depth"] is None


def test_pause_of_an_unknown_queue_is_tb001(app: psycopg.Connection[Any]) -> None:
    for call in ("pause('typo')", "resume('typo')"):
        with pytest.raises(psycopg.Error) as caught:
            app.execute(f"select taskbell.{call}")
        assert caught.value.sqlstate == "TB001"
    enqueue(app, queue="fresh")
    app.execute("select taskbell.pause('fresh')")
    assert app.execute("select paused, paused_by from taskbell.queues where name = 'fresh'").fetchone() == (
        True,
        app.info.user,
    )


def test_resume_of_all_ends_every_pause(app: psycopg.Connection[Any]) -> None:
    app.execute("select taskbell.pause('public')")
    app.execute("select taskbell.pause()")
    app.execute("select taskbell.resume('public')")
    assert app.execute("select bool_and(paused) from taskbell.queues").fetchone() == (True,)
    app.execute("select taskbell.pause('public')")
    app.execute("select taskbell.resume()")
    assert app.execute("select bool_or(paused) from taskbell.queues").fetchone() == (False,)


def test_reschedule_moves_a_queued_task(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app, run_at="2090-01-01T00:00:00Z")
    worker = hand()
    worker.hold()
    assert worker.claim() == []
    seq = get(app, task_id)["seq"]
    app.execute("select taskbell.reschedule(%s)", [task_id])
    assert get(app, task_id)["seq"] == seq + 1
    assert len(worker.claim()) == 1
    with pytest.raises(psycopg.Error, match="is running"):
        app.execute("select taskbell.reschedule(%s)", [task_id])


def test_poll_tells_what_is_due_and_when(app: psycopg.Connection[Any], hand: Hands) -> None:
    enqueue(app, "echo", queue="later", run_at="2090-01-01T00:00:00Z", priority=50)
    enqueue(app, "echo", queue="soon", run_at=datetime.now(UTC) + timedelta(seconds=50), priority=-50)
    worker, picky = hand(), hand(queues=["only"])
    rows = worker.poll()
    assert set(rows) == {"default", "public", "soon"}
    soon = rows["soon"]
    assert (soon.due, soon.exclusive, soon.concurrency, soon.free) == (False, True, 1, True)
    assert 30 < soon.next_due_in < 51
    assert rows["default"].next_due is None
    assert soon.walked_to is None
    worker.hold("later")
    rows = worker.poll()
    assert (rows["later"].holder, rows["later"].free, rows["later"].due) == (worker.id, False, False)
    assert rows["later"].next_due_in > 3600
    enqueue(app, queue="later")
    assert worker.poll()["later"].due
    assert picky.poll() == {}


def test_finished_tasks_are_pruned_after_their_keep_time(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    app.execute("select taskbell.configure('default', keep_succeeded => '1 hour', keep_failed => '2 hours')")
    good, bad, live = enqueue(app, idempotency_key="k"), enqueue(app), enqueue(app, run_at="2090-01-01T00:00:00Z")
    worker = hand()
    worker.hold()
    worker.claim()
    worker.complete(good)
    worker.fail(bad, "fail")
    day = [(3500, [good, bad]), (200, [bad]), (3600, [])]
    for seconds, left in day:
        clock.move(seconds)
        worker.call("prune_expired()")
        rows = app.execute("select id from taskbell.tasks where finished_at is not null order by id").fetchall()
        assert [row[0] for row in rows] == left
    assert get(app, live)["status"] == "queued"
    superuser = clock._superuser
    assert superuser.execute(
        "select (select count(*) from taskbell.attempt), (select count(*) from taskbell.idempotency)"
    ).fetchone() == (0, 0)


def test_prune_takes_the_oldest_batch(app: psycopg.Connection[Any], hand: Hands) -> None:
    ids = [enqueue(app) for _ in range(5)]
    for task_id in ids:
        app.execute("select taskbell.cancel(%s)", [task_id])
    assert app.execute("select taskbell.prune('1 hour')").fetchone() == (0,)
    assert app.execute("select taskbell.prune('0 s', 3)").fetchone() == (3,)
    assert app.execute("select array_agg(id order by id) from taskbell.tasks").fetchone() == (ids[3:],)
    for arguments in ("null", "'-1 s'", "'1 s', 0"):
        with pytest.raises(psycopg.Error) as caught:
            app.execute(f"select taskbell.prune({arguments})")
        assert caught.value.sqlstate == "TB005"


def test_why_says_it_in_words(app: psycopg.Connection[Any], hand: Hands) -> None:
    def why(task_id: object) -> str:
        row = app.execute("select taskbell.why(%s)", [task_id]).fetchone()
        assert row is not None
        return str(row[0])

    first, second = enqueue(app), enqueue(app)
    unknown, later = enqueue(app, "nobody"), enqueue(app, run_at="2090-01-01T00:00:00Z")
    assert why(first) == "No worker runs."
    worker = hand()
    worker.beat()
    assert why(unknown) == 'No worker that runs knows a task named "nobody".'
    assert "no worker holds it" in why(first)
    assert "not due" in why(later)
    worker.hold()
    worker.claim(1)
    assert "has claimed it" in why(first)
    worker.progress(first)
    assert "It runs on hand-" in why(first)
    assert 'Queue "default" is busy: 1 running' in why(second)
    app.execute("select taskbell.cancel(%s)", [first])
    assert "asked to stop by" in why(first)
    app.execute("select taskbell.pause()")
    assert "is paused" in why(second)
    app.execute("select taskbell.cancel(%s)", [second])
    assert "It has cancelled" in why(second)
    with pytest.raises(psycopg.Error) as caught:
        why("00000000-0000-0000-0000-000000000000")
    assert caught.value.sqlstate == "TB001"
