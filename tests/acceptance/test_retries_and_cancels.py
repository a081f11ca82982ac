"""Attempts and cancellations, as one sees them from SQL, REST and the admin."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.acceptance.load import API_KEYS, KEY
from tests.admin_site.conftest import csrf, make_admin
from tests.servers import Database, Process, Processes

Start = Callable[..., Process]


def test_every_attempt_is_kept_with_its_error_time_and_worker_and_retry_begins_anew(
    queue: Any, worker: Start, run_api: Callable[..., str], database: Database, processes: Processes
) -> None:
    process = worker()
    base = run_api(database, API_KEYS=API_KEYS)
    admin = make_admin(database, processes)
    task = queue.enqueue("broken", {"message": "no luck"}, max_attempts=2)
    begun = time.monotonic()
    failed = queue.wait(task)
    assert 1.4 < time.monotonic() - begun < 5, "2 s give or take a quarter between the two attempts"
    assert (failed["status"], failed["attempt"]) == ("failed", 2)
    seq = failed["seq"]
    with httpx.Client(base_url=base, trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as http:

        def over_rest() -> None:
            assert http.post(f"/api/tasks/{task}/retry").status_code in (200, 202)

        def in_the_admin() -> None:
            olga = admin.client("olga")
            token = csrf(olga.get(f"/admin/act/retry/?target={task}").text)
            done = olga.post("/admin/act/retry/", data={"csrfmiddlewaretoken": token, "target": task, "sure": "1"})
            assert done.status_code == 302, done.text

        for retry in (over_rest, in_the_admin, lambda: queue.sql.execute("select taskbell.retry(%s)", [task])):
            retry()
            last = queue.wait(task)
            assert (last["status"], last["attempt"]) == ("failed", 2), "attempts are counted from 0 again"
            assert last["seq"] > seq
            seq = last["seq"]
        attempts = http.get(f"/api/tasks/{task}/attempts").json()
    admin.close()
    assert str(attempts).count("no luck") >= 8
    seen = queue.sql.execute(
        "select count(*), count(*) filter (where error ->> 'message' = 'no luck' and traceback like '%%ValueError%%'"
        " and finished_at >= started_at and worker_name like %s) from taskbell.attempts where task_id = %s",
        [f"%:{process.pid}", task],
    ).fetchone()
    assert seen == (8, 8)
    retried = "select actor from taskbell.acts where act = 'retry' order by at"
    assert [who for (who,) in queue.sql.execute(retried)] == ["key:load", "admin:olga", queue.sql.info.user]


def test_in_a_rolling_deploy_old_workers_leave_alone_what_only_new_ones_know(queue: Any, worker: Start) -> None:
    old = worker(TASK_MODULES="")
    queue.sql.execute("select taskbell.configure('shared', exclusive => false)")
    new_task = queue.enqueue("plain_echo", {"a": 1}, queue="shared")
    assert queue.wait(queue.enqueue("echo", queue="shared"))["status"] == "succeeded", "and it blocks nothing"
    assert queue.get(new_task)["status"] == "queued"
    worker()
    done = queue.wait(new_task)
    assert (done["status"], done["attempt"]) == ("succeeded", 1)
    assert old.popen.poll() is None


def test_a_queued_task_is_cancelled_at_once_and_a_running_one_within_a_second(
    queue: Any, worker: Start, slack: Callable[[], float]
) -> None:
    queue.sql.execute("select taskbell.configure('default', concurrency => 3)")
    worker()
    running = [queue.enqueue(name, {"seconds": 60}) for name in ("sleep", "polite")]
    for task in running:
        queue.until_running(task)
    later = queue.sql.execute("select taskbell.enqueue('echo', run_at => now() + interval '1 h')").fetchone()[0]
    assert queue.sql.execute("select taskbell.cancel(%s, 'not now')", [later]).fetchone() == ("cancelled",)
    for task in running:
        asked = time.monotonic()
        assert queue.sql.execute("select taskbell.cancel(%s, 'enough')", [task]).fetchone() == ("running",)
        assert queue.wait(task)["status"] == "cancelled"
        assert time.monotonic() - asked < 1 + slack()
    rows = queue.sql.execute("select distinct cancelled_by, cancel_reason from taskbell.tasks order by 2").fetchall()
    assert [reason for _, reason in rows] == ["enough", "not now"]
    assert {who for who, _ in rows} == {queue.sql.info.user}


def test_what_ignores_its_cancellation_is_abandoned_after_its_grace_and_that_is_said(
    queue: Any, worker: Start, slack: Callable[[], float]
) -> None:
    queue.sql.execute("select taskbell.configure('default', concurrency => 2)")
    process = worker()
    running = [queue.enqueue(name, {"seconds": 30}) for name in ("stubborn", "deaf")]
    for task in running:
        queue.until_running(task)
    asked = time.monotonic()
    for task in running:
        queue.sql.execute("select taskbell.cancel(%s, 'enough')", [task])
    for task in running:
        assert queue.wait(task)["status"] == "cancelled"
    assert 9 < time.monotonic() - asked < 13 + slack(), "10 s of grace"
    assert process.log().count("abandoned") == 2
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded", "and its place is free again"
