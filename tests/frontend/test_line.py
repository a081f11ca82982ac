"""Bad lines: the mark tells, nothing is lost, nothing is doubled."""

import json
from typing import Any

import pytest
from playwright.sync_api import WebSocket, expect

from tests.frontend.faulty_line import FaultyLine
from tests.frontend.visit import Site, Visit, VisitAt
from tests.frontend.walk import cards, link, send, state

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def shaky(visit_at: VisitAt, line: FaultyLine) -> Visit:
    visit = visit_at(line.url)
    visit.allow("WebSocket connection to|Failed to load resource")
    return visit


def test_without_a_websocket_it_polls_and_comes_back_to_live(shaky: Visit, line: FaultyLine) -> None:
    page = shaky.open()
    expect(link(page)).to_have_text("Live")
    line.cut_websockets(refuse=True)
    expect(link(page)).to_have_text("Polling")
    card = send(page, "sleep", Seconds="0.5")
    expect(state(card)).to_have_text("Succeeded")
    expect(link(page)).to_have_text("Polling")
    line.mend()
    expect(link(page)).to_have_text("Live")
    rung = send(page, "wordcount", Text="by bell again")
    expect(state(rung)).to_have_text("Succeeded")


def test_a_running_task_is_joined_again_after_the_websocket_was_cut(shaky: Visit, line: FaultyLine) -> None:
    page = shaky.open()
    expect(link(page)).to_have_text("Live")
    card = send(page, "sleep", Seconds="4")
    expect(state(card)).to_have_text("Running")
    line.cut_websockets()
    expect(state(card)).to_have_text("Succeeded", timeout=8_000)  # before the poll of 10 s could tell
    expect(link(page)).to_have_text("Live")


def test_with_the_server_gone_it_reconnects_and_loses_nothing(shaky: Visit, line: FaultyLine) -> None:
    page = shaky.open()
    card = send(page, "sleep", Seconds="1")
    line.cut_all()
    expect(link(page)).to_have_text("Reconnecting")
    line.mend()
    expect(state(card)).to_have_text("Succeeded")
    expect(link(page)).to_have_text("Live")


def test_the_page_waits_for_an_api_that_is_not_there_yet(shaky: Visit, line: FaultyLine) -> None:
    page = shaky.page
    page.goto(line.url)
    expect(page.get_by_role("radio", name="wordcount")).to_be_visible()
    page.evaluate("localStorage.clear()")
    page.route("**/api/**", lambda route: route.abort())
    page.reload()
    expect(page.locator("#purpose")).to_contain_text("Trying again")
    expect(page.get_by_role("button", name="Send task")).to_be_disabled()
    page.unroute_all()
    expect(page.get_by_role("button", name="Send task")).to_be_enabled()


def test_a_lost_answer_is_asked_for_again_and_makes_one_task(shaky: Visit, line: FaultyLine, site: Site) -> None:
    page = shaky.open()
    text = "sent twice, done once"
    line.swallow_answer_to("POST /api/tasks ")
    card = send(page, "wordcount", Text=text)
    expect(state(card)).to_have_text("Succeeded")
    assert line.swallowed == 1
    expect(cards(page)).to_have_count(1)
    with site.database.connect("superuser") as connection:
        query = "select count(*) from taskbell.tasks where payload ->> 'text' = %s"
        assert connection.execute(query, [text]).fetchone() == (1,)


def test_every_join_and_leave_carries_its_token_and_only_what_was_heard_is_left(visit: Visit) -> None:
    page = visit.page
    frames: list[tuple[str, dict[str, Any]]] = []
    page.on("websocket", lambda socket: _record(socket, frames))
    visit.open()
    expect(link(page)).to_have_text("Live")
    card = send(page, "wordcount", Text="protocol")
    expect(state(card)).to_have_text("Succeeded")
    running = send(page, "steps")
    expect(state(running)).to_have_text("Running")
    running.get_by_role("button", name="Remove").click()
    expect(cards(page)).to_have_count(1)
    sent = [frame for way, frame in frames if way == "sent"]
    assert [frame["command"] for frame in sent].count("join") == 2
    assert all(frame["args"]["token"] and frame["args"]["channel"] for frame in sent)
    for place, (way, frame) in enumerate(frames):
        if way == "sent" and frame["command"] == "leave":
            heard = {message["id"] for other, message in frames[:place] if other == "heard"}
            assert frame["args"]["channel"] in heard


def test_a_deaf_websocket_is_noticed_by_the_poll_and_replaced(visit: Visit) -> None:
    visit.page.add_init_script("""
      const { addEventListener } = EventTarget.prototype;
      window.sockets = [];
      window.WebSocket = class extends WebSocket {
        constructor(...args) {
          super(...args);
          window.sockets.push(this);
          const isDeaf = window.sockets.length === 1;
          if (isDeaf) addEventListener.call(this, "message", (event) => event.stopImmediatePropagation());
        }
      };
    """)
    page = visit.open()
    expect(link(page)).to_have_text("Live")
    with page.expect_websocket() as renewed:
        card = send(page, "wordcount", Text="unheard")
        expect(state(card)).to_have_text("Succeeded")  # by poll, after 10 s
    expect(link(page)).to_have_text("Live")
    with renewed.value.expect_event("framereceived"):
        send(page, "wordcount", Text="heard again")


def _record(socket: WebSocket, frames: list[tuple[str, dict[str, Any]]]) -> None:
    socket.on("framesent", lambda data: frames.append(("sent", json.loads(data))))
    socket.on("framereceived", lambda data: frames.append(("heard", json.loads(data))))
