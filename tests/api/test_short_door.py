"""The short door: a link that enqueues, made to fit the task's annotations, shut to other sites."""

import httpx
import pytest

from tests.api.conftest import API_KEYS, Site


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_text_fits_the_annotations(anyone: httpx.Client, method: str) -> None:
    answer = anyone.request(method, "/api/new_task/?task=sleep&seconds=2&note=5")
    assert answer.status_code == 202
    assert answer.json().keys() == {"id", "token"}
    assert answer.headers["cache-control"] == "private, no-cache"
    task = anyone.get(f"/api/tasks/{answer.json()['id']}", headers={"X-Task-Token": answer.json()["token"]}).json()
    assert (task["task"], task["payload"], task["queue"]) == ("sleep", {"seconds": 2, "note": "5"}, "public")


def test_without_a_task_it_is_echo(anyone: httpx.Client) -> None:
    ticket = anyone.get("/api/new_task/?some_data=x&some_data=y&empty=").json()
    task = anyone.get(f"/api/tasks/{ticket['id']}", headers={"X-Task-Token": ticket["token"]}).json()
    assert (task["task"], task["payload"]) == ("echo", {"some_data": ["x", "y"], "empty": ""})


def test_without_its_slash_it_is_found(site: Site) -> None:
    answer = httpx.get(f"{site.base}/api/new_task?a=%26", follow_redirects=True, trust_env=False)
    assert answer.status_code == 202
    assert answer.url.path == "/api/new_task/"


def test_a_key_opens_more(shop: httpx.Client, anyone: httpx.Client) -> None:
    ticket = shop.get("/api/new_task/?task=secret&n=7").json()
    task = shop.get(f"/api/tasks/{ticket['id']}").json()
    assert (task["payload"], task["queue"]) == ({"n": 7}, "default")
    assert anyone.get("/api/new_task/?task=secret&n=7").status_code == 401


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("task=sleep&seconds=soon", "seconds"),
        ("task=nobody-knows-it", "401"),
        ("task=a%20b", "task"),
        ("task=echo&a=%00", "NUL"),
        ("task=echo&%00=a", "NUL"),
    ],
)
def test_what_does_not_fit_is_refused(anyone: httpx.Client, query: str, word: str) -> None:
    answer = anyone.get(f"/api/new_task/?{query}")
    assert answer.status_code == (401 if word == "401" else 422)
    assert word in answer.text


def test_a_repeat_under_a_key(shop: httpx.Client) -> None:
    key = {"Idempotency-Key": "short 1"}
    first, again = (shop.get("/api/new_task/?a=1", headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    assert shop.get("/api/new_task/?a=2", headers=key).status_code == 422


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Sec-Fetch-Site": "same-origin"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site"}, 202),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_sites_stay_outside(open_site: str, headers: dict[str, str], status: int, method: str) -> None:
    answer = httpx.request(method, f"{open_site}/api/new_task/?a=1", headers=headers, trust_env=False)
    assert answer.status_code == status


def test_our_own_origin_is_ours(open_site: str) -> None:
    headers = {"Origin": open_site, "Sec-Fetch-Site": "same-origin"}
    assert httpx.post(f"{open_site}/api/new_task/?a=1", headers=headers, trust_env=False).status_code == 202


@pytest.fixture(scope="module")
def open_site(site: Site) -> str:
    """An API that lets the pages of one other site call it."""
    return site.processes.api(site.database, API_KEYS=API_KEYS, ALLOWED_ORIGINS="https://shop.example")
