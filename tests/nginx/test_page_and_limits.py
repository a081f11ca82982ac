"""What nginx does by itself: the page, refusals, limits, the log. Behind it nobody answers."""

from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest

from tests.nginx.conftest import Router


@pytest.fixture
def router(run_router: Callable[..., Router]) -> Router:
    return run_router()


@pytest.fixture
def browser(router: Router) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=router.url, trust_env=False) as client:
        yield client


def test_the_page_is_compressed_and_asked_for_again(browser: httpx.Client) -> None:
    page = browser.get("/", headers={"Accept-Encoding": "gzip"})
    assert page.status_code == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["Content-Encoding"] == "gzip"
    assert page.headers["Cache-Control"] == "no-cache"
    again = browser.get("/", headers={"Accept-Encoding": "gzip", "If-None-Match": page.headers["ETag"]})
    assert again.status_code == 304


def test_every_answer_carries_the_security_headers(browser: httpx.Client) -> None:
    for path in ("/", "/nothing", "/api/", "/admin/"):
        headers = browser.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], path
        assert headers["Server"] == "nginx", path  # no version


def test_other_sites_may_import_the_client_but_nothing_else(browser: httpx.Client) -> None:
    client = browser.get("/js/taskbell.js", headers={"Origin": "https://shop.example"})
    assert client.headers["Access-Control-Allow-Origin"] == "*"
    assert client.headers["Content-Type"].startswith("text/javascript")
    assert client.headers["X-Content-Type-Options"] == "nosniff"
    assert client.headers["Cache-Control"] == "no-cache"
    assert "Access-Control-Allow-Origin" not in browser.get("/", headers={"Origin": "https://shop.example"}).headers


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/js/.hidden", "/../compose.yaml", "/nothing"])
def test_nothing_but_the_page_is_served(browser: httpx.Client, path: str) -> None:
    assert browser.get(path).status_code in {400, 404}


def test_a_service_that_is_away_is_a_problem_with_a_delay(browser: httpx.Client) -> None:
    for path in ("/api/", "/api/tasks", "/ws", "/admin/", "/api/new_task/"):
        answer = browser.get(path)
        assert answer.status_code == 503, path
        assert answer.headers["Content-Type"] == "application/problem+json", path
        assert answer.headers["Retry-After"] == "1", path
        assert answer.json()["status"] == 503


@pytest.mark.parametrize(("path", "limit"), [("/api/tasks", 1 << 20), ("/api/tasks/batch", 16 << 20)])
def test_a_body_over_its_limit_is_refused_unread(router: Router, path: str, limit: int) -> None:
    connection = HTTPConnection(urlsplit(router.url).netloc)
    connection.request("POST", path, headers={"Content-Length": str(limit + 1)})  # and nothing of it is sent
    with closing(connection):
        answer = connection.getresponse()
        assert answer.status == 413
        assert answer.headers["Content-Type"] == "application/problem+json"


def statuses(browser: httpx.Client, method: str, path: str, number: int, **headers: str) -> list[int]:
    return [browser.request(method, path, headers=headers).status_code for _ in range(number)]


@pytest.mark.parametrize(
    ("method", "path", "burst"),
    [("GET", "/api/new_task/?text=a", 40), ("POST", "/api/tasks", 40), ("POST", "/admin/login/", 10)],
)
def test_one_client_is_held_back(browser: httpx.Client, method: str, path: str, burst: int) -> None:
    seen = statuses(browser, method, path, 2 * burst + 20)
    assert seen[:burst] == [503] * burst  # as far as nginx is concerned: let through
    assert 429 in seen
    answers = (browser.request(method, path) for _ in range(burst))  # where asking is slow, some are let through again
    refusal = next(answer for answer in answers if answer.status_code == 429)
    assert refusal.headers["Retry-After"] == "2"
    assert refusal.json()["title"] == "Too Many Requests"


def test_guesses_at_the_admins_own_port_count_with_the_others(router: Router, browser: httpx.Client) -> None:
    statuses(browser, "POST", "/admin/login/", 15)
    assert httpx.post(f"{router.admin_url}/admin/login/", trust_env=False).status_code == 429


def test_who_sends_a_key_is_left_to_the_api(browser: httpx.Client) -> None:
    assert set(statuses(browser, "POST", "/api/tasks", 150, Authorization="Bearer shop")) == {503}
    assert set(statuses(browser, "GET", "/api/new_task/?text=a", 150, Authorization="Bearer shop")) == {503}


def test_the_log_is_json_without_queries_keys_and_tokens(router: Router, browser: httpx.Client) -> None:
    secret = {"Authorization": "Bearer topsecret", "X-Task-Token": "topsecret", "Referer": "http://x/?topsecret"}
    browser.get("/api/new_task/?text=topsecret", headers=secret)
    browser.get("/%22%0Atopquote", headers=secret)
    assert [router.logged(path)["status"] for path in ("/api/new_task/", "/%22%0Atopquote")] == [503, 404]
    assert "topsecret" not in router.access_log() + router.process.log()


def test_only_a_trusted_proxy_may_name_the_client(run_router: Callable[..., Router]) -> None:
    claim = {"X-Forwarded-For": "203.0.113.9"}
    for trusted, client in (("", "127.0.0.1"), ("127.0.0.0/8", "203.0.113.9")):
        router = run_router(TRUSTED_PROXIES=trusted)
        path = f"/for-{client}"  # both write to one log
        httpx.get(f"{router.url}{path}", headers=claim, trust_env=False)
        assert router.logged(path)["client"] == client
