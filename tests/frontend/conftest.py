"""One API, one worker and one Chromium for the page's tests; each test has a browser profile and a line of its own."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from db.embedded import free_port
from scripts.guard import Guard
from tests.frontend.faulty_line import FaultyLine
from tests.frontend.visit import Site, Visit, VisitAt
from tests.servers import PostgresServer, Processes, ValkeyServer

# Chromium's own errands would end in refused connections; root needs --no-sandbox.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds an expectation may take on a busy machine
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (violation) =>
  console.error(`CSP: ${violation.violatedDirective} forbids ${violation.blockedURI}`));
"""

expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def site(
    postgres_server: PostgresServer,
    valkey_server: ValkeyServer,
    guard: Guard,
    tmp_path_factory: pytest.TempPathFactory,
    chromium: str,
) -> Iterator[Site]:
    database = postgres_server.clone()
    running = Processes(tmp_path_factory.mktemp("page"), guard)
    other_origin = f"http://127.0.0.1:{free_port()}"
    try:
        url = running.api(database, valkey_server.url, ALLOWED_ORIGINS=other_origin)
        running.worker(database, valkey_server.url, TASK_MODULES="tests.frontend.page_tasks")
        with database.connect("superuser") as connection:
            connection.execute("select taskbell.configure('public', exclusive => false, concurrency => 20)")
        yield Site(url + "/", database, other_origin)
    finally:
        running.end()
        database.terminate()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A module's, not the session's: while Playwright runs, no asyncio test can."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def line(site: Site) -> Iterator[FaultyLine]:
    line = FaultyLine(site.url)
    yield line
    line.close()


@pytest.fixture
def visit_at(browser: Browser) -> Iterator[VisitAt]:
    """`visit_at(url, viewport=…, color_scheme=…) -> Visit`; no page may log an error or call elsewhere."""
    visits: list[Visit] = []

    def begin(url: str, **options: Any) -> Visit:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **options)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORT_VIOLATIONS)
        visit = Visit(context.new_page(), url)
        visit.watch(visit.page)
        visits.append(visit)
        return visit

    yield begin
    for visit in visits:
        visit.page.context.close()
    assert [visit.verdict() for visit in visits] == [[] for _ in visits]


@pytest.fixture
def visit(visit_at: VisitAt, site: Site) -> Visit:
    """A visit that goes straight to the API."""
    return visit_at(site.url)
