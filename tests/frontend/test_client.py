"""js/taskbell.js, as other people's pages import it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tests.frontend.visit import Site, Visit, VisitAt

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def other_page(site: Site) -> Iterator[str]:
    """An empty page on another origin, which ALLOWED_ORIGINS names."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Another site</title><link rel=icon href=data:>")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    where = urlsplit(site.other_origin)
    server = ThreadingHTTPServer((where.hostname, where.port), Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield site.other_origin + "/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def guest(visit_at: VisitAt, other_page: str) -> Visit:
    visit = visit_at(other_page)
    visit.allow("external request")
    visit.page.goto(other_page)
    return visit


def test_another_site_sends_a_task_and_awaits_its_result(guest: Visit, site: Site) -> None:
    got = guest.page.evaluate(
        """async (url) => {
          const { taskbell } = await import(url + "js/taskbell.js");
          const task = await taskbell.enqueue("sleep", { seconds: 0.5 });
          const seen = [];
          task.onchange = ({ seq, status }) => seen.push([seq, status]);
          return { result: await task.result, seen, link: taskbell.link };
        }""",
        site.url,
    )
    assert got["result"] == {"slept": 0.5}
    assert got["link"] == "live"
    numbers = [seq for seq, _ in got["seen"]]
    assert numbers == sorted(set(numbers))
    assert got["seen"][-1][1] == "succeeded"


def test_a_failed_and_a_cancelled_task_reject_with_what_happened(guest: Visit, site: Site) -> None:
    got = guest.page.evaluate(
        """async (url) => {
          const { taskbell, TaskError } = await import(url + "js/taskbell.js");
          const failed = await taskbell.enqueue("refuse", { reason: "no paper" });
          const stuck = await taskbell.enqueue("steps");
          const error = await failed.result.catch((error) => error);
          await new Promise((resolve) => stuck.addEventListener("change", resolve, { once: true }));
          await stuck.cancel();
          const end = await stuck.result.catch((error) => error);
          return [error instanceof TaskError, error.type, error.message, end.state.status];
        }""",
        site.url,
    )
    assert got == [True, "Fail", "no paper", "cancelled"]


def test_open_learns_the_result_of_a_task_that_has_long_finished(guest: Visit, site: Site) -> None:
    got = guest.page.evaluate(
        """async (url) => {
          const { Taskbell, taskbell } = await import(url + "js/taskbell.js");
          const { id, token, result } = await taskbell.enqueue("wordcount", { text: "a b" });
          await result;
          const later = await new Taskbell({ url }).open(id, token);
          return (await later.result).words;
        }""",
        site.url,
    )
    assert got == 2


def test_a_refusal_names_its_problem(guest: Visit, site: Site) -> None:
    guest.allow("status of 422")
    got = guest.page.evaluate(
        """async (url) => {
          const { taskbell, ApiError } = await import(url + "js/taskbell.js");
          const error = await taskbell.enqueue("nobody-knows-this").catch((error) => error);
          return [error instanceof ApiError, error.status, error.problem.errors[0].pointer];
        }""",
        site.url,
    )
    assert got == [True, 422, "/task"]


def test_two_hundred_at_once_over_one_websocket_all_arrive(guest: Visit, site: Site) -> None:
    sockets = []
    guest.page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108 - Playwright marks its handlers
    guest.allow("status of 503")  # a busy machine's "not now", after which the client asks again under the same key
    got = guest.page.evaluate(
        """async (url) => {
          const { taskbell } = await import(url + "js/taskbell.js");
          const numbers = Array.from({ length: 200 }, (_, i) => i);
          const tasks = await Promise.all(numbers.map((i) => taskbell.enqueue("echo", { i })));
          const results = await Promise.all(tasks.map((task) => task.result));
          return results.map(({ i }) => i);
        }""",
        site.url,
    )
    assert got == list(range(200))
    assert len(sockets) == 1


def test_one_key_makes_one_task(guest: Visit, site: Site) -> None:
    first, second = guest.page.evaluate(
        """async (url) => {
          const { taskbell } = await import(url + "js/taskbell.js");
          const idempotencyKey = crypto.randomUUID();
          const send = () => taskbell.enqueue("echo", { once: true }, { idempotencyKey });
          return [(await send()).id, (await send()).id];
        }""",
        site.url,
    )
    assert first == second
