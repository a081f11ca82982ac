"""Who may what, asked address by address, as a browser would and as somebody who types addresses."""

import re
from uuid import UUID

import httpx
import pytest

from tests.admin_site.conftest import Admin, csrf

TRACE = 'Traceback (most recent call last):\n  File "mail.py", line 3, in send\nValueError: boom'
SEE = ["/admin/", "/admin/live/", "/admin/tasks/", "/admin/queues/", "/admin/workers/"]
OPERATE = ["/admin/enqueue/", "/admin/enqueue/mail/", "/admin/acts/"]
SUPER = ["/admin/auth/user/", "/admin/auth/user/add/", "/admin/auth/group/", "/admin/admin/logentry/"]
ACTS = ["cancel", "retry", "now", "pause", "resume", "configure", "prune"]


@pytest.fixture(scope="module")
def task(admin: Admin) -> UUID:
    admin.register()
    admin.enqueue(queue="roles", payload={"to": "ada"})
    return admin.fail("roles", "boom", TRACE)


def test_strangers_see_the_login_and_nothing_else(admin: Admin, task: UUID) -> None:
    client = admin.client(None)
    acts = [f"/admin/act/{act}/?target={task}" for act in ACTS]
    for path in [*SEE, *OPERATE, *SUPER, *acts, f"/admin/tasks/{task}/", f"/admin/tasks/{task}/link/"]:
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (302, "/admin/login/"), path
    assert client.post("/admin/act/cancel/", data={"target": str(task), "sure": "1"}).status_code in {302, 403}


def test_who_is_in_no_group_sees_no_task(admin: Admin, task: UUID) -> None:
    client = admin.client("nobody")
    assert "in no group yet" in client.get("/admin/").text
    for path in [*SEE[1:], *OPERATE, *SUPER, f"/admin/tasks/{task}/", f"/admin/tasks/{task}/link/"]:
        assert client.get(path).status_code == 403, path


def test_readers_see_but_do_not_act(admin: Admin, task: UUID) -> None:
    client = admin.client("rita")
    for path in [*SEE, f"/admin/tasks/{task}/", f"/admin/tasks/{task}/live/"]:
        assert client.get(path).status_code == 200, path
    for path in [*OPERATE, *SUPER, *(f"/admin/act/{act}/?target={task}" for act in ACTS)]:
        assert client.get(path).status_code == 403, path
    token = csrf(client.get("/admin/").text)
    for act in ACTS:
        form = {"csrfmiddlewaretoken": token, "target": str(task), "sure": "1", "older_than": "0", "batch": "9"}
        assert client.post(f"/admin/act/{act}/", data=form).status_code == 403, act
    assert client.post("/admin/enqueue/mail/", data={"csrfmiddlewaretoken": token}).status_code == 403
    assert admin.value("select status::text from taskbell.tasks where id = %s", task) == "failed"
    page = client.get(f"/admin/tasks/{task}/").text
    assert "Traceback" not in page
    assert "/admin/act/" not in page


def test_operators_act_and_see_tracebacks_but_manage_nobody(admin: Admin, task: UUID) -> None:
    client = admin.client("olga")
    for path in [*SEE, *OPERATE, *(f"/admin/act/{act}/?target={task}" for act in ACTS)]:
        assert client.get(path).status_code == 200, path
    for path in SUPER:
        assert client.get(path).status_code == 403, path
    assert "line 3, in send" in client.get(f"/admin/tasks/{task}/").text


def test_superusers_manage_people_and_read_the_log_which_nobody_edits(admin: Admin) -> None:
    client = admin.client("root")
    for path in SUPER:
        assert client.get(path).status_code == 200, path
    for path in ("/admin/admin/logentry/add/", "/admin/admin/logentry/1/delete/"):
        assert client.get(path).status_code in {302, 403}, path


def test_the_log_leads_to_the_task(admin: Admin) -> None:
    task_id = admin.enqueue(queue="logged")
    client = admin.client("olga")
    token = csrf(client.get(f"/admin/act/cancel/?target={task_id}").text)
    form = {"csrfmiddlewaretoken": token, "target": str(task_id), "sure": "1", "reason": "because"}
    assert client.post("/admin/act/cancel/", data=form).status_code == 302
    page = admin.client("root").get("/admin/admin/logentry/").text
    assert f'href="/admin/tasks/{task_id}/"' in page
    assert "cancelled (cancelled): because" in page
    assert str(task_id) in admin.client("olga").get("/admin/acts/").text


def test_the_log_leads_to_the_queue(admin: Admin) -> None:
    client = admin.client("olga")
    token = csrf(client.get("/admin/act/configure/?target=log_of").text)
    form = {"csrfmiddlewaretoken": token, "target": "log_of", "sure": "1", "exclusive": "True", "concurrency": "2"}
    assert client.post("/admin/act/configure/", data=form).status_code == 302
    found = re.search(r'href="(/admin/queues/log[^"]+)"', admin.client("root").get("/admin/admin/logentry/").text)
    assert found
    assert client.get(found[1]).headers["location"] == "/admin/queues/?q=log_of"
    assert client.get("/admin/queues/*/").headers["location"] == "/admin/queues/"


def test_no_address_edits_or_deletes_a_row_behind_the_queues_back(admin: Admin, task: UUID) -> None:
    client = admin.client("root")
    for path in (f"taskbell/task/{task}/change/", f"taskbell/task/{task}/delete/", "taskbell/task/add/"):
        assert client.get(f"/admin/{path}").status_code == 404, path


def test_acting_needs_the_csrf_token(admin: Admin, task: UUID) -> None:
    client = admin.client("olga")
    assert client.post("/admin/act/retry/", data={"target": str(task), "sure": "1"}).status_code == 403
    assert admin.value("select status::text from taskbell.tasks where id = %s", task) == "failed"


def test_asking_is_not_acting(admin: Admin, task: UUID) -> None:
    client = admin.client("olga")
    token = csrf(client.get(f"/admin/act/retry/?target={task}").text)
    client.post("/admin/act/retry/", data={"csrfmiddlewaretoken": token, "target": str(task)})
    assert admin.value("select status::text from taskbell.tasks where id = %s", task) == "failed"


def test_it_leads_back_to_its_own_pages_alone(admin: Admin, task: UUID) -> None:
    client = admin.client("olga")
    token = csrf(client.get(f"/admin/act/cancel/?target={task}").text)
    form = {"csrfmiddlewaretoken": token, "target": str(task), "sure": "1", "back": "https://evil.example/"}
    assert client.post("/admin/act/cancel/", data=form).headers["location"] == "/admin/tasks/"


def test_guessers_are_slowed_down(admin: Admin) -> None:
    client = admin.client(None)
    token = csrf(client.get("/admin/login/").text)

    def guess(name: str) -> httpx.Response:
        form = {"csrfmiddlewaretoken": token, "username": name, "password": "wrong"}
        return client.post("/admin/login/", data=form)

    for _ in range(10):
        assert "correct" in guess("victim").text
    assert "Too many failed logins" in guess("victim").text
    assert "Too many failed logins" not in guess("rita").text


@pytest.mark.parametrize("kind", [1, 2, 7, 99])
def test_nothing_is_led_to_a_row_by_its_number(admin: Admin, kind: int) -> None:
    assert admin.client("root").get(f"/admin/r/{kind}/1/").status_code == 404
