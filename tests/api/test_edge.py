"""The edge: hosts, CORS, the page, the docs, health and figures."""

import re
from collections.abc import Iterator

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api.conftest import API_KEYS, PUBLIC_TASKS, Site


@pytest.fixture(scope="module")
def public_site(site: Site) -> Iterator[httpx.Client]:
    """An API behind a name, with one other site allowed."""
    base = site.processes.api(
        site.database,
        API_KEYS=API_KEYS,
        PUBLIC_TASKS=PUBLIC_TASKS,
        PUBLIC_URL="https://tasks.example.com",
        ALLOWED_ORIGINS="https://shop.example",
        WEBSOCKET_URL="wss://push.example.com/ws",
    )
    with httpx.Client(base_url=base, trust_env=False, verify=False) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("tasks.example.com", 200), ("TASKS.example.com:443", 200), ("localhost:1", 200), ("127.0.0.1", 200),
        ("[::1]:8000", 200), ("api:8000", 200), ("nginx", 200), ("evil.example", 400), ("tasks.example.com.evil", 400),
        ("", 400), ("[::2]", 400),
    ],
)  # fmt: skip
def test_hosts(public_site: httpx.Client, host: str, status: int) -> None:
    answer = public_site.get("/api/", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/api/healthz", "/api/readyz", "/metrics"])
@pytest.mark.parametrize(
    ("host", "status"),
    [("10.0.0.7", 200), ("10.0.0.7:8000", 200), ("[fd00::7]:8000", 200), ("", 200), ("evil.example", 400)],
)
def test_who_asks_how_we_are_may_know_but_our_address(
    public_site: httpx.Client, path: str, host: str, status: int
) -> None:
    assert public_site.get(path, headers={"Host": host}).status_code == status


def test_allowed_origins_may_call(public_site: httpx.Client) -> None:
    ask = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,prefer,x-task-token",
    }
    allowed = public_site.options("/api/tasks", headers=ask)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
    answer = public_site.post("/api/tasks", json={"task": "echo"}, headers={"Origin": "https://shop.example"})
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Location" in answer.headers["access-control-expose-headers"]
    refused_with_headers = public_site.get("/api/nope", headers={"Origin": "https://shop.example"})
    assert refused_with_headers.headers["access-control-allow-origin"] == "https://shop.example"


def test_other_origins_may_not(public_site: httpx.Client) -> None:
    ask = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    refused = public_site.options("/api/tasks", headers=ask)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert "access-control-allow-origin" not in refused.headers
    answer = public_site.get("/api/", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_site_on_https_says_so(public_site: httpx.Client, anyone: httpx.Client) -> None:
    assert "strict-transport-security" in public_site.get("/").headers
    assert "strict-transport-security" not in anyone.get("/").headers
    assert public_site.get("/api/").json()["links"]["websocket"] == "wss://push.example.com/ws"
    policy = public_site.get("/").headers["content-security-policy"]
    assert "wss://push.example.com" in policy
    assert "wss://tasks.example.com" in policy


def test_the_page_is_served_and_asked_for_anew(anyone: httpx.Client) -> None:
    page = anyone.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    same = anyone.get("/", headers={"If-None-Match": page.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert "content-security-policy" in same.headers
    for address in re.findall(r'(?:src|href)="((?!https?:|#|/admin)[^"]+)"', page.text):
        assert anyone.get("/" + address.removeprefix("/").removeprefix("./")).status_code == 200, address


def test_docs_come_from_us_alone(anyone: httpx.Client) -> None:
    page = anyone.get("/api/docs")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4
    for address in addresses:
        assert address.startswith("/api/docs/")
        assert anyone.get(address).status_code == 200
    assert "<script>" not in page.text


def test_readiness_names_its_parts(anyone: httpx.Client) -> None:
    assert anyone.get("/api/healthz").json() == {"status": "ok"}
    assert anyone.head("/api/healthz").status_code == 200
    ready = anyone.get("/api/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["parts"] == {"database": "ok", "lock": "ok", "worker": "degraded", "listen": "ok"}
    assert "No worker" in ready.json()["notes"]["worker"]


def test_figures_are_prometheus_text(anyone: httpx.Client) -> None:
    anyone.post("/api/tasks", json={"task": "echo"})
    anyone.request("PROPFIND", "/api/tasks")
    anyone.get("/api/tasks/01a20a89-a644-726c-8b8e-c00a373ecaa0")
    answer = anyone.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    assert any(sample.name == "taskbell_database_up" and sample.value == 1 for sample in samples)
    assert any(sample.name == "taskbell_queue_queued" and sample.labels == {"queue": "public"} for sample in samples)
    requests = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"])
        for sample in samples
        if sample.name == "taskbell_http_requests_total"
    }
    assert ("POST", "/api/tasks", "202") in requests
    assert ("OTHER", "/api/tasks", "405") in requests
    assert ("GET", "/api/tasks/{id}", "401") in requests
    assert not any("01a20a89" in route for _, route, _ in requests)
