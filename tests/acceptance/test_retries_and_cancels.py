"""Attempts and cancellations, as one sees them from SQL and REST."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.acceptance.load import API_KEYS, KEY
from tests.servers import Database, Process

Start = Callable[..., Process]


def test_every_attempt_is_kept_with_its_error_time_and_worker_and_retry_begins_anew(
    queue: Any, worker: Start, run_api: Callable[..., str], database: Database
) -> None:
    process = worker()
    base = run_api(database, API_KEYS=API_KEYS)
    task = queue.enqueue("broken", {"message": "no luck"}, max_attempts=2)
    begun = time.monotonic()
    failed = queue.wait(task)
    assert 1.4 < time.monotonic() - begun < 5, "2 s give or take a quarter between the two attempts"
    assert (failed["status"], failed["attempt"]) == ("failed", 2)
    with httpx.Client(base_url=base, trust_env=False, headers={"Authorization": f"Bearer {KEY}"}) as http:
        assert http.post(f"/api/tasks/{task}/retry").status_code in (200, 202)
        queue.wait(task)
        queue.sql.execute("select taskbell.retry(%s)", [task])
        last = queue.wait(task)
        attempts = http.get(f"/api/tasks/{task}/attempts").json()
    assert (last["status"], last["attempt"]) == ("failed", 2)
    assert last["seq"] > failed["seq"]
    rows = queue.sql.execute("select * from taskbell.attempts where task_id = %s order by run", [task]).fetchall()
    assert len(rows) == 6
    assert "no luck" in str(attempts)
    seen = queue.sql.execute(
        "select count(*) from taskbell.attempts where task_id = %s and error ->> 'message' = 'no luck'"
        " and traceback like '%%ValueError%%' and finished_at >= started_at and worker_name like %s",
        [task, f"%:{process.pid}"],
    ).fetchone()
    assert seen == (6,)


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


def test_a_queued_task_is_cancelled_at_once_and_a_running_one_within_a_second(queue: Any, worker: Start) -> None:
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
        assert time.monotonic() - asked < 1
    rows = queue.sql.execute("select distinct cancelled_by, cancel_reason from taskbell.tasks order by 2").fetchall()
    assert [reason for _, reason in rows] == ["enough", "not now"]
    assert {who for who, _ in rows} == {queue.sql.info.user}
