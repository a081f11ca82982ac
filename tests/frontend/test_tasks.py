"""A task's way over the page: sent, seen running, seen finished, cancelled."""

import json

import pytest
from playwright.sync_api import expect

from tests.frontend.visit import Visit
from tests.frontend.walk import cards, link, result, send, state

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_sent_task_shows_its_result_and_times(visit: Visit) -> None:
    page = visit.open()
    expect(link(page)).to_have_text("Live")
    card = send(page, "wordcount", Text="to be or not to be")
    expect(state(card)).to_have_text("Succeeded")
    assert json.loads(result(card).text_content())["words"] == 6
    for name in ("Sent", "Waited", "Ran", "Attempt", "Round trip"):
        expect(card.locator("dt", has_text=name)).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("wordcount succeeded")


def test_the_empty_page_says_what_this_is_and_where_else_to_go(visit: Visit) -> None:
    page = visit.open()
    expect(page.locator("#empty")).to_contain_text("task queue that lives in Postgres")
    assert page.get_by_role("link", name="Read the API docs").get_attribute("href") == "/api/docs"
    expect(page.get_by_role("link", name="Open the admin")).to_have_attribute("href", "http://localhost:8001/admin/")
    send(page, "wordcount", Text="one")
    expect(page.locator("#empty")).to_be_hidden()


def test_a_free_form_payload_comes_back_as_it_was(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "echo", Payload='{"nested": {"list": [1, 2.5, null, "ä"]}}')
    expect(state(card)).to_have_text("Succeeded")
    assert json.loads(result(card).text_content()) == {"nested": {"list": [1, 2.5, None, "ä"]}}


def test_markup_in_a_result_stays_text(visit: Visit) -> None:
    page = visit.open()
    evil = "<img src=x onerror=alert(1)>"
    card = send(page, "echo", Payload=json.dumps({"evil": evil}))
    expect(result(card)).to_contain_text(evil)
    assert card.locator("img").count() == 0


def test_progress_is_seen_and_heard(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "steps")
    bar = card.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "50")
    expect(bar).to_have_attribute("aria-valuetext", "50 %, half way")
    expect(card.locator(".progress-note")).to_have_text("50 % · half way")
    expect(page).to_have_title("(1) Taskbell")
    card.get_by_role("button", name="Cancel").click()
    expect(state(card)).to_have_text("Cancelled")
    expect(card.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page).to_have_title("Taskbell")


def test_a_failure_shows_its_kind_and_message(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "refuse", reason="out of paper")
    expect(state(card)).to_have_text("Failed")
    expect(card.locator(".failure")).to_have_text("Fail out of paper")
    expect(result(card)).to_be_hidden()


def test_a_result_too_big_for_one_message_is_fetched(visit: Visit) -> None:
    page = visit.open()
    messages = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: messages.append(data)))  # noqa: PLW0108 - Playwright marks its handlers
    page.reload()
    expect(link(page)).to_have_text("Live")
    card = send(page, "big", letters="50000")
    expect(result(card)).to_contain_text("the end")
    finished = [message for message in map(json.loads, messages) if message["status"] == "succeeded"]
    assert finished
    assert all(message["partial"] and "result" not in message for message in finished)
    assert max(map(len, messages)) <= 8192


def test_use_again_fills_the_form_and_clear_finished_empties_the_list(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "wordcount", Text="once more")
    expect(state(card)).to_have_text("Succeeded")
    send(page, "refuse", reason="no")
    card.get_by_role("button", name="Use again").click()
    expect(page.get_by_label("Text")).to_have_value("once more")
    expect(page.get_by_label("Text")).to_be_focused()
    expect(state(cards(page).first)).to_have_text("Failed")
    page.get_by_role("button", name="Clear finished").click()
    expect(cards(page)).to_have_count(0)
    expect(page.locator("#tasks-title")).to_be_focused()
