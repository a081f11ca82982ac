"""A person walks each act in a real browser; SQL tells what it did, in whose name, and the log says why."""

import re
from collections.abc import Callable
from uuid import UUID

import psycopg
import pytest
from playwright.sync_api import Page, expect

from tests.admin_site.conftest import Admin

pytestmark = pytest.mark.browser
LogIn = Callable[[str], Page]


def status(admin: Admin, task_id: UUID) -> str:
    return str(admin.value("select status from taskbell.tasks where id = %s", task_id))


def last_log(admin: Admin) -> tuple[str, str, str]:
    query = """select u.username, l.object_id, l.change_message from taskbell_admin.django_admin_log l
               join taskbell_admin.auth_user u on u.id = l.user_id order by l.id desc limit 1"""
    row = admin.sql.execute(query).fetchone()
    assert row
    return row


def last_act(admin: Admin) -> tuple[str, str]:
    row = admin.sql.execute("select actor, act from taskbell.acts order by at desc limit 1").fetchone()
    assert row
    return row


def test_enqueue_with_the_form_made_from_the_schema(admin: Admin, log_in: LogIn) -> None:
    page = log_in("olga")
    page.click("text=Enqueue")
    page.click("a:has-text('Sends a mail.')")
    page.fill("[name=payload-to]", "ada@example.com")
    page.select_option("[name=payload-template]", "invoice")
    page.fill("[name=payload-copies]", "2")
    page.select_option("[name=payload-urgent]", "true")
    page.fill("[name=queue]", "letters")
    page.fill("[name=priority]", "7")
    page.fill("[name=timeout]", "12.5")
    page.fill("[name=run_at]", "2030-01-02T03:04:05")
    page.fill("[name=idempotency_key]", "letter-1")
    page.fill("[name=reason]", "she asked")
    page.click("button:has-text('Enqueue')")
    expect(page.locator(".tb-why")).to_contain_text("not due")
    row = admin.sql.execute(
        "select id::text, payload, queue, priority, extract(epoch from timeout)::float, run_at::text, enqueued_by"
        " from taskbell.tasks where idempotency_key = 'letter-1'"
    ).fetchone()
    assert row
    assert row[1] == {"to": "ada@example.com", "template": "invoice", "copies": 2, "urgent": True}
    assert row[2:] == ("letters", 7, 12.5, "2030-01-02 03:04:05+00", "admin:olga")
    assert last_log(admin) == ("olga", row[0], "enqueued mail: she asked")


def test_enqueue_says_what_the_function_refuses_and_keeps_what_was_typed(admin: Admin, log_in: LogIn) -> None:
    admin.enqueue(idempotency_key="taken", queue="letters")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/enqueue/mail/")
    page.fill("[name=payload-to]", "bob@example.com")
    page.fill("[name=queue]", "letters")
    page.fill("[name=idempotency_key]", "taken")
    page.click("button:has-text('Enqueue')")
    expect(page.locator("[role=alert]")).to_contain_text("taken")
    assert page.input_value("[name=payload-to]") == "bob@example.com"


def test_cancel_one_with_a_reason(admin: Admin, log_in: LogIn) -> None:
    task_id = admin.enqueue(queue="c1")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/tasks/{task_id}/")
    page.click("a:has-text('Cancel')")
    assert status(admin, task_id) == "queued"  # asking does nothing
    page.fill("[name=reason]", "wrong customer")
    page.click("button:has-text('Cancel')")
    expect(page.locator(".tb-title .tb-chip")).to_have_text("cancelled")
    expect(page.locator("body")).to_contain_text("admin:olga")
    expect(page.locator("body")).to_contain_text("wrong customer")
    assert status(admin, task_id) == "cancelled"
    assert last_act(admin) == ("admin:olga", "cancel")
    assert last_log(admin) == ("olga", str(task_id), "cancelled (cancelled): wrong customer")


def test_cancel_a_running_one_shows_that_it_was_asked(admin: Admin, log_in: LogIn) -> None:
    admin.register()
    admin.enqueue(queue="c2")
    task_id, _ = admin.claim("c2")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/tasks/{task_id}/")
    page.click("a:has-text('Cancel')")
    page.click("button:has-text('Cancel')")
    expect(page.locator(".tb-title")).to_contain_text("asked to stop")
    assert admin.value("select cancelled_by from taskbell.tasks where id = %s", task_id) == "admin:olga"


def test_retry_many_at_once_and_hear_what_was_refused(admin: Admin, log_in: LogIn) -> None:
    admin.register()
    failed = []
    for _ in range(3):
        admin.enqueue(queue="r1")
        failed.append(admin.fail("r1", "boom", "Traceback: boom"))
    waiting = admin.enqueue(queue="r1")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/tasks/?queue=r1")
    expect(page.locator("button:has-text('Retry')")).to_be_disabled()
    page.check("[data-pick-all]")
    expect(page.locator("[data-picked]")).to_have_text("4")
    page.click("button:has-text('Retry')")
    page.fill("[name=reason]", "relay is back")
    page.click("button:has-text('Retry 4')")
    expect(page.locator("body")).to_contain_text("3 tasks put back into the queue")
    expect(page.locator("body")).to_contain_text("has not finished")
    assert {status(admin, task_id) for task_id in failed} == {"queued"}
    assert status(admin, waiting) == "queued"
    assert last_act(admin) == ("admin:olga", "retry")
    assert "relay is back" in last_log(admin)[2]


def test_run_now(admin: Admin, log_in: LogIn) -> None:
    task_id = admin.enqueue(queue="n1", run_at="2030-01-01")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/tasks/{task_id}/")
    page.click("a:has-text('Run now')")
    page.click("button:has-text('Run now')")
    expect(page.locator(".tb-why")).not_to_contain_text("not due")
    assert admin.value("select run_at <= now() from taskbell.tasks where id = %s", task_id)
    assert last_act(admin) == ("admin:olga", "reschedule")


def test_pause_and_resume_a_queue_and_all_of_them(admin: Admin, log_in: LogIn) -> None:
    admin.sql.execute("select taskbell.configure('p1'), taskbell.configure('p2')")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/queues/?q=p1")
    page.click("td >> text=Pause")
    page.fill("[name=reason]", "release day")
    page.click("button:has-text('Pause')")
    expect(page.locator("tbody .tb-chip")).to_have_text("paused")
    assert admin.sql.execute("select paused, paused_by from taskbell.queues where name = 'p1'").fetchone() == (
        True,
        "admin:olga",
    )
    assert last_log(admin) == ("olga", "p1", "paused: release day")
    page.click("td >> text=Resume")
    page.click("button:has-text('Resume')")
    expect(page.locator("tbody .tb-chip")).to_have_count(0)
    assert admin.value("select paused from taskbell.queues where name = 'p1'") is False

    page.goto(f"{admin.base}/admin/queues/")
    for name in ("p1", "p2"):
        page.check(f"input[value={name}]")
    page.click("footer button:has-text('Pause')")
    page.click("button:has-text('Pause 2')")
    expect(page.locator("body")).to_contain_text("2 queues paused")
    assert admin.value("select count(*) from taskbell.queues where paused") == 2

    page.click("text=Pause everything")
    page.click("button:has-text('Pause')")
    expect(page.locator("body")).to_contain_text("Everything is paused")
    assert admin.value("select paused from taskbell.health") is True
    page.click("text=Resume everything")
    page.click("button:has-text('Resume')")
    expect(page.locator("text=Pause everything")).to_be_visible()
    assert admin.value("select count(*) from taskbell.queues where paused") == 0


def test_change_a_queues_concurrency(admin: Admin, log_in: LogIn) -> None:
    admin.sql.execute("select taskbell.configure('k1', max_depth => 50)")
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/queues/?q=k1")
    page.click("text=Configure")
    assert page.input_value("[name=max_depth]") == "50"
    page.fill("[name=concurrency]", "8")
    page.select_option("[name=exclusive]", "False")
    page.fill("[name=reason]", "more mail")
    page.click("button:has-text('Configure')")
    expect(page.locator("tbody")).to_contain_text("8 at once each")
    query = "select exclusive, concurrency, max_depth, max_attempts from taskbell.queues where name = 'k1'"
    assert admin.sql.execute(query).fetchone() == (False, 8, 50, None)
    assert "concurrency 8" in last_log(admin)[2]


def test_prune_asks_first(admin: Admin, log_in: LogIn) -> None:
    admin.register()
    admin.enqueue(queue="x1")
    task_id = admin.complete("x1", {"sent": True})
    with psycopg.connect(admin.database.superuser_url) as superuser:
        superuser.execute(
            "update taskbell.finished set finished_at = now() - interval '2 years' where id = %s", [task_id]
        )
    page = log_in("olga")
    page.goto(f"{admin.base}/admin/queues/")
    page.click("a:has-text('Prune')")
    expect(page.locator(".tb-warning")).to_contain_text("can't be undone")
    page.fill("[name=older_than]", "365")
    page.fill("[name=reason]", "spring cleaning")
    page.click("button:has-text('Prune')")
    expect(page.locator("body")).to_contain_text("1 finished task was pruned")
    assert admin.value("select count(*) from taskbell.tasks where id = %s", task_id) == 0
    assert last_act(admin) == ("admin:olga", "prune")
    assert "spring cleaning" in last_log(admin)[2]


def test_a_tasks_page_follows_it_by_itself(admin: Admin, log_in: LogIn) -> None:
    admin.register()
    admin.enqueue(queue="f1", payload={"to": "ada"})
    page = log_in("rita")
    task_id, token = admin.claim("f1")
    page.goto(f"{admin.base}/admin/tasks/{task_id}/")
    progress = f'[{{"id": "{task_id}", "token": "{token}", "age": 1, "fraction": 0.5, "note": "half way"}}]'
    admin.sql.execute("select taskbell.progress(%s::jsonb)", [progress])
    expect(page.locator(".tb-progress")).to_contain_text("50 % half way")
    admin.sql.execute(
        "select taskbell.complete(%s, %s, %s, %s::jsonb)", [[task_id], [token], [1.0], '[{"answer": 42}]']
    )
    expect(page.locator(".tb-title .tb-chip")).to_have_text("succeeded")
    expect(page.locator("[aria-label=Result]")).to_contain_text('"answer": 42')
    expect(page.locator("#tb-task")).not_to_have_attribute("hx-get", re.compile("."))


def test_the_front_page_refreshes_itself(admin: Admin, log_in: LogIn) -> None:
    page = log_in("rita")
    before = page.locator(".tb-foot").inner_text()
    admin.sql.execute("select taskbell.configure('brand-new')")
    admin.enqueue(queue="brand-new")
    expect(page.locator("#tb-front")).to_contain_text("brand-new")
    expect(page.locator(".tb-foot")).not_to_have_text(before)
    expect(page.locator("svg.tb-chart")).to_be_visible()
