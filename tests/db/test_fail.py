"""Failed attempts: retried with back-off, kept with their errors, ended when none is left."""

from collections.abc import Callable
from typing import Any

import psycopg

from tests.db.hand import Clock, Hand, enqueue, get

Hands = Callable[..., Hand]


def test_a_failed_attempt_comes_back_after_two_to_the_attempt_seconds(
    app: psycopg.Connection[Any], hand: Hands, clock: Clock
) -> None:
    task_id = enqueue(app, max_attempts=3)
    worker = hand()
    worker.hold()
    for attempt, least, most in [(1, 1.5, 2.5), (2, 3.0, 5.0)]:
        [row] = worker.claim()
        assert row.attempt == attempt
        assert worker.fail(task_id, message=f"no luck {attempt}") == []
        row = app.execute(
            "select status, extract(epoch from run_at - taskbell.now())::float8 as after from taskbell.tasks"
        ).fetchone()
        assert row is not None
        assert row[0] == "queued"
        assert least - 0.2 <= row[1] <= most
        assert worker.claim() == []
        clock.move(most)
        worker.beat("default")
    [row] = worker.claim()
    assert worker.fail(task_id, message="no luck 3") == []
    task = get(app, task_id)
    assert (task["status"], task["error"]) == ("failed", {"type": "ValueError", "message": "no luck 3"})
    history = app.execute(
        "select run, attempt, status, error ->> 'message', traceback from taskbell.attempts order by run"
    ).fetchall()
    assert history == [(n, n, "failed", f"no luck {n}", "Traceback: here") for n in (1, 2, 3)]


def test_back_off_is_jittered_and_capped(app: psycopg.Connection[Any], database: Any) -> None:
    superuser = database.connect("superuser")
    rows = superuser.execute("select taskbell.back_off(3) from generate_series(1, 500)").fetchall()
    waits = [row[0] for row in rows]
    assert 6.0 <= min(waits) < 6.5
    assert 9.5 < max(waits) <= 10.0
    assert superuser.execute(
        "select max(taskbell.back_off(100)), min(taskbell.back_off(30)) from generate_series(1, 100)"
    ).fetchone() == (600.0, 600.0)


def test_fail_for_good_and_retry_after(app: psycopg.Connection[Any], hand: Hands, clock: Clock) -> None:
    good, later = enqueue(app), enqueue(app)
    worker = hand()
    worker.hold()
    worker.claim()
    worker.fail(good, "fail")
    assert get(app, good)["status"] == "failed"
    worker.fail(later, "retry", after=30)
    clock.move(29)
    worker.beat("default")
    assert worker.claim() == []
    clock.move(2)
    worker.beat("default")
    assert [row.id for row in worker.claim()] == [later]


def test_release_is_free(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app, max_attempts=1)
    worker = hand()
    worker.hold()
    for begun in (False, True):
        worker.claim()
        assert worker.release(task_id, begun=begun) == []
        assert (get(app, task_id)["status"], get(app, task_id)["attempt"]) == ("queued", 0)
    assert app.execute("select run, status from taskbell.attempts").fetchall() == [(1, "released")]
    worker.claim()
    assert worker.complete(task_id) == []


def test_retry_by_hand_counts_from_zero_and_keeps_the_history(app: psycopg.Connection[Any], hand: Hands) -> None:
    task_id = enqueue(app, max_attempts=1)
    worker = hand()
    worker.hold()
    worker.claim()
    worker.fail(task_id)
    seq = get(app, task_id)["seq"]
    assert app.execute("select taskbell.retry(%s)", [task_id]).fetchone() == ("queued",)
    task = get(app, task_id)
    assert (task["attempt"], task["seq"]) == (0, seq + 1)
    worker.claim()
    worker.complete(task_id)
    app.execute("select taskbell.retry(%s)", [task_id])
    worker.claim()
    worker.complete(task_id)
    history = app.execute("select run, attempt, status from taskbell.attempts order by run").fetchall()
    assert history == [(1, 1, "failed"), (2, 1, "succeeded"), (3, 1, "succeeded")]


def test_retry_of_a_live_task_is_tb002_and_of_none_tb001(app: psycopg.Connection[Any]) -> None:
    task_id = enqueue(app)
    for call, state in [
        (f"retry('{task_id}')", "TB002"),
        ("retry(gen_random_uuid())", "TB001"),
        ("reschedule(gen_random_uuid())", "TB001"),
    ]:
        try:
            app.execute(f"select taskbell.{call}")
        except psycopg.Error as error:
            assert error.sqlstate == state
        else:
            raise AssertionError(call)
