"""Tasks over HTTP, with a real worker: enqueue, wait, list, cancel, retry, attempts."""

import time
from typing import Any

import httpx
import pytest

from tests.api.conftest import Site

FIELDS = {
    "id", "task", "queue", "status", "seq", "priority", "payload", "progress", "result", "error", "attempt",
    "max_attempts", "run_at", "created_at", "started_at", "finished_at",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _worker(working_site: Site) -> None:
    """These tests need one."""


def test_post_answers_the_task_and_where_it_is(shop: httpx.Client) -> None:
    sent = {
        "task": "echo", "payload": {"a": [1, None, "ä"]}, "queue": "parcel", "priority": 7,
        "run_at": "2099-01-01T00:00:00+02:00", "max_attempts": 9, "timeout": 2.5,
    }  # fmt: skip
    answer = shop.post("/api/tasks", json=sent)
    task = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/api/tasks/{task['id']}"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert task.keys() == FIELDS | {"token"}
    assert task["run_at"] == "2098-12-31T22:00:00Z" or task["run_at"].startswith("2098-12-31T22:00:00")
    assert {key: task[key] for key in sent if key not in {"run_at", "timeout"}} == {
        key: value for key, value in sent.items() if key not in {"run_at", "timeout"}
    }
    seen = shop.get(answer.headers["location"])
    assert seen.json() == task
    assert seen.headers["cache-control"] == "private, no-cache"


def test_anonymous_tasks_go_to_public_with_a_short_timeout(site: Site, anyone: httpx.Client) -> None:
    task = anyone.post("/api/tasks", json={"task": "sleep", "payload": {"seconds": 0}}).json()
    assert task["queue"] == "public"
    query = "select timeout = interval '60 s', enqueued_by from taskbell.tasks where id = %s"
    assert site.database.connect().execute(query, [task["id"]]).fetchone() == (True, "anonymous")
    assert "X-Task-Token" not in anyone.get(f"/api/tasks/{task['id']}", headers={"X-Task-Token": task["token"]}).text


def test_prefer_wait_answers_the_result(anyone: httpx.Client) -> None:
    answer = anyone.post("/api/tasks", json={"task": "echo", "payload": {"a": 1}}, headers={"Prefer": "wait=10"})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=10"
    assert answer.json()["status"] == "succeeded"
    assert answer.json()["result"] == {"a": 1}


def test_prefer_wait_gives_up_in_time(anyone: httpx.Client) -> None:
    began = time.monotonic()
    body = {"task": "sleep", "payload": {"seconds": 4}}
    answer = anyone.post("/api/tasks", json=body, headers={"Prefer": "wait=1"})
    assert answer.status_code == 202
    assert 0.9 < time.monotonic() - began < 2.5
    task = answer.json()
    mine = {"X-Task-Token": task["token"]}
    shorter = anyone.get(f"/api/tasks/{task['id']}", headers={**mine, "Prefer": "wait=1"})
    assert shorter.status_code == 200
    assert shorter.json()["status"] in {"queued", "running"}
    longer = anyone.get(f"/api/tasks/{task['id']}", headers={**mine, "Prefer": "wait=100"})
    assert longer.json()["status"] == "succeeded"
    assert longer.headers["preference-applied"] == "wait=60"
    at_once = anyone.get(f"/api/tasks/{task['id']}", headers={**mine, "Prefer": "wait=60"})
    assert at_once.json()["result"] == longer.json()["result"]


def test_pages_hold_every_task_once(site: Site) -> None:
    with site.http("mill") as mill:
        ids = [mill.post("/api/tasks", json={"task": "echo", "queue": "pages"}).json()["id"] for _ in range(7)]
        seen: list[str] = []
        address: str | None = "/api/tasks?queue=pages&task=echo&limit=3"
        while address:
            page = mill.get(address)
            page.raise_for_status()
            assert page.headers["cache-control"] == "private, no-cache"
            seen += [task["id"] for task in page.json()["tasks"]]
            address = page.links.get("next", {}).get("url")
        assert seen == ids[::-1]
        assert mill.get("/api/tasks?queue=pages&status=cancelled").json() == {"tasks": []}


def test_tokens_of_a_list_are_as_strong_as_the_key(site: Site, anyone: httpx.Client, shop: httpx.Client) -> None:
    task_id = shop.post(
        "/api/tasks", json={"task": "echo", "queue": "strong", "run_at": "2099-01-01T00:00:00Z"}
    ).json()["id"]
    for name, may_cancel in (("eyes", False), ("ops", True), ("shop", True)):
        with site.http(name) as client:
            (listed,) = client.get("/api/tasks?queue=strong").json()["tasks"]
        held = {"X-Task-Token": listed["token"]}
        assert anyone.get(f"/api/tasks/{task_id}", headers=held).status_code == 200
        assert anyone.post(f"/api/tasks/{task_id}/cancel", headers=held).status_code == (200 if may_cancel else 403)


def test_cancel_queued_running_and_over(shop: httpx.Client, ops: httpx.Client) -> None:
    later = {"task": "echo", "run_at": "2099-01-01T00:00:00Z"}
    queued = shop.post("/api/tasks", json=later).json()["id"]
    answer = shop.post(f"/api/tasks/{queued}/cancel", json={"reason": "no need"})
    assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
    assert "no need" in answer.json()["error"]["message"]
    assert shop.post(f"/api/tasks/{queued}/cancel").status_code == 200  # once more changes nothing

    running = shop.post("/api/tasks", json={"task": "sleep", "payload": {"seconds": 30}, "queue": "cancels"}).json()[
        "id"
    ]
    wait_for_status(shop, running, "running")
    asked = shop.post(f"/api/tasks/{running}/cancel")
    assert asked.status_code == 202
    assert shop.get(f"/api/tasks/{running}", headers={"Prefer": "wait=20"}).json()["status"] == "cancelled"

    over = shop.post("/api/tasks", json={"task": "echo"}, headers={"Prefer": "wait=20"}).json()
    assert over["status"] == "succeeded"
    refused = shop.post(f"/api/tasks/{over['id']}/cancel")
    assert (refused.status_code, refused.json()["code"]) == (409, "TB002")
    assert ops.post(f"/api/tasks/{running}/retry").json()["status"] in {"queued", "running"}
    assert ops.post(f"/api/tasks/{running}/retry").status_code == 409
    ops.post(f"/api/tasks/{running}/cancel")


def test_retry_counts_anew_and_history_stays(shop: httpx.Client, ops: httpx.Client) -> None:
    first = shop.post("/api/tasks", json={"task": "echo", "payload": {"n": 1}}, headers={"Prefer": "wait=20"}).json()
    again = ops.post(f"/api/tasks/{first['id']}/retry")
    assert again.status_code == 200
    assert again.json()["seq"] > first["seq"]
    done = ops.get(f"/api/tasks/{first['id']}", headers={"Prefer": "wait=20"}).json()
    assert (done["status"], done["attempt"]) == ("succeeded", 1)
    attempts = ops.get(f"/api/tasks/{first['id']}/attempts").json()["attempts"]
    assert [attempt["run"] for attempt in attempts] == [1, 2]
    assert all(attempt["status"] == "succeeded" and attempt["started_at"].endswith("Z") for attempt in attempts)


def test_attempts_show_error_and_traceback(shop: httpx.Client, ops: httpx.Client) -> None:
    body = {"task": "sleep", "payload": {"seconds": "never"}, "max_attempts": 1}
    failed = shop.post("/api/tasks", json=body, headers={"Prefer": "wait=20"}).json()
    assert failed["status"] == "failed"
    (attempt,) = ops.get(f"/api/tasks/{failed['id']}/attempts").json()["attempts"]
    assert attempt["error"]["message"]


def test_batch_is_all_or_nothing(site: Site, shop: httpx.Client) -> None:
    good = [{"task": "echo", "payload": {"n": n}, "queue": "batch"} for n in range(5)]
    made = shop.post("/api/tasks/batch", json=good)
    assert made.status_code == 202
    assert [task["created"] for task in made.json()["tasks"]] == [True] * 5
    before = count(site)
    wrong: list[tuple[list[Any], str]] = [
        ([*good, {"task": "nobody-knows-it"}], "/5/task"),
        ([*good, {"task": "echo", "priority": 1000}], "/5/priority"),
        ([*good, {"task": "echo", "run_at": "9999-06-01T00:00:00Z"}], "/5/run_at"),
        ([*good, 5], "/5"),
    ]
    for batch, pointer in wrong:
        refused = shop.post("/api/tasks/batch", json=batch)
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["pointer"] == pointer
    full = shop.post("/api/tasks/batch", json=[{"task": "echo"}] * 10_001)
    assert full.status_code == 422
    assert count(site) == before


def test_a_batch_of_ten_thousand(shop: httpx.Client) -> None:
    batch = [
        {"task": "echo", "payload": {"n": n}, "queue": "bulk", "idempotency_key": f"bulk-{n}"} for n in range(10_000)
    ]
    first = shop.post("/api/tasks/batch", json=batch).json()["tasks"]
    again = shop.post("/api/tasks/batch", json=batch).json()["tasks"]
    assert all(task["created"] for task in first)
    assert not any(task["created"] for task in again)
    assert [task["id"] for task in first] == [task["id"] for task in again]


def count(site: Site) -> int:
    row = site.database.connect().execute("select count(*) from taskbell.tasks where queue = 'batch'").fetchone()
    assert row
    return int(row[0])


def wait_for_status(client: httpx.Client, task_id: str, status: str) -> None:
    deadline = time.monotonic() + 15
    while client.get(f"/api/tasks/{task_id}").json()["status"] != status:
        assert time.monotonic() < deadline
        time.sleep(0.05)
