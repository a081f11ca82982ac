"""Finding tasks: states, queues, names, time, ids, keys; page by page without gaps or doubles."""

import re
from uuid import UUID

import pytest

from tests.admin_site.conftest import Admin

ROW = re.compile(r'<code class="tb-id">([0-9a-f-]{36})</code>')


def ids(admin: Admin, query: str) -> list[UUID]:
    page = admin.client("rita").get(f"/admin/tasks/?{query}")
    assert page.status_code == 200
    return [UUID(found) for found in ROW.findall(page.text)]


def older(admin: Admin, query: str) -> str | None:
    found = re.search(r'href="\?([^"]+)" rel="next"', admin.client("rita").get(f"/admin/tasks/?{query}").text)
    return found[1].replace("&amp;", "&") if found else None


def test_pages_follow_one_another_without_gap_or_double(admin: Admin) -> None:
    wanted = [admin.enqueue(queue="pages") for _ in range(120)]
    query: str | None = "queue=pages"
    seen: list[UUID] = []
    while query:
        found = ids(admin, query)
        assert len(found) <= 50
        seen += found
        query = older(admin, query)
    assert seen == wanted[::-1]


def test_filters_go_together(admin: Admin) -> None:
    admin.register()
    waiting = admin.enqueue(queue="filters")
    other = admin.enqueue(task="sms", queue="filters")
    done = admin.complete("filters", None)
    assert done == waiting
    waiting = admin.enqueue(queue="filters", run_at="2030-01-01")
    assert ids(admin, "queue=filters") == [waiting, other, done]
    assert ids(admin, "queue=filters&status=succeeded") == [done]
    assert ids(admin, "queue=filters&status=queued&task=mail") == [waiting]
    assert ids(admin, "queue=filters&task=sms") == [other]
    assert ids(admin, "queue=filters&since=1h") == [waiting, other, done]
    assert ids(admin, "queue=filters&status=failed") == []


@pytest.mark.parametrize("write", [str, lambda i: i.hex, lambda i: f"task_{i.hex}", lambda i: f"  {str(i).upper()} "])
def test_search_by_id(admin: Admin, write: object) -> None:
    task_id = admin.enqueue(queue="search")
    assert callable(write)
    assert ids(admin, f"q={write(task_id)}") == [task_id]


def test_search_by_idempotency_key_in_every_queue(admin: Admin) -> None:
    found = {admin.enqueue(queue=f"keys-{n}", idempotency_key="order 1815") for n in range(3)}
    admin.enqueue(queue="keys-1", idempotency_key="order 1816")
    assert set(ids(admin, "q=order+1815")) == found


def test_search_by_part_of_a_name(admin: Admin) -> None:
    admin.register("newsletter.send")
    task_id = admin.enqueue(task="newsletter.send", queue="names")
    assert ids(admin, "q=NEWSLETTER&queue=names") == [task_id]
    assert ids(admin, "q=no-such-thing") == []


@pytest.mark.parametrize(
    "query", ["before=x", "status=x'--", "since=yesterday", "q=%00", "queue=%27", "q=" + "x" * 5000]
)
def test_nonsense_is_harmless(admin: Admin, query: str) -> None:
    assert admin.client("rita").get(f"/admin/tasks/?{query}").status_code == 200


def test_an_unknown_task_is_a_404(admin: Admin) -> None:
    assert admin.client("rita").get("/admin/tasks/01a20a8c-7a82-73fa-bf60-8dcd1c3ce532/").status_code == 404


def test_names_that_look_like_html_stay_text(admin: Admin) -> None:
    task_id = admin.enqueue(queue="html", payload={"to": "<script>alert(1)</script>"})
    assert "<script>alert(1)" not in admin.client("rita").get(f"/admin/tasks/{task_id}/").text
