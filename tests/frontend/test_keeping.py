"""Tasks outlive a reload, and travel by link."""

import pytest
from playwright.sync_api import expect

from tests.frontend.visit import Site, Visit, VisitAt
from tests.frontend.walk import cards, handed_link, result, send, state

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_tasks_are_there_after_a_reload_finished_and_running_ones(visit: Visit) -> None:
    page = visit.open()
    send(page, "wordcount", Text="kept over a reload")
    running = send(page, "steps")
    expect(state(running)).to_have_text("Running")
    big = send(page, "big", letters="20000")
    expect(result(big)).to_contain_text("the end")
    page.reload()
    expect(cards(page)).to_have_count(3)
    expect(state(running)).to_have_text("Running")
    expect(result(big)).to_contain_text("the end")
    running.get_by_role("button", name="Cancel").click()
    expect(state(running)).to_have_text("Cancelled")


def test_what_finished_while_the_page_was_closed_is_learnt_when_it_opens(visit: Visit) -> None:
    page = visit.open()
    card = send(page, "sleep", Seconds="1")
    page.goto("about:blank")
    visit.open()
    expect(state(card)).to_have_text("Succeeded")


def test_a_link_opens_a_task_elsewhere_and_leaves_no_trace(visit: Visit, visit_at: VisitAt, site: Site) -> None:
    page = visit.open()
    card = send(page, "wordcount", Text="over there")
    expect(state(card)).to_have_text("Succeeded")
    address = handed_link(page, card)
    assert address.startswith(site.url + "#id=")
    elsewhere = visit_at(site.url)
    there = elsewhere.open(address.removeprefix(site.url))
    expect(state(cards(there))).to_have_text("Succeeded")
    expect(cards(there).locator("h3")).to_be_focused()
    assert there.url == site.url
    there.reload()
    expect(cards(there)).to_have_count(1)


def test_a_link_into_an_open_page_opens_the_task_too(visit: Visit, visit_at: VisitAt, site: Site) -> None:
    page = visit.open()
    address = handed_link(page, send(page, "wordcount", Text="again"))
    there = visit_at(site.url).open()
    there.evaluate("hash => { location.hash = hash }", address.partition("#")[2])
    expect(state(cards(there))).to_have_text("Succeeded")
    assert there.url == site.url


@pytest.mark.parametrize("which", ["wrong token", "unknown id"])
def test_a_link_that_opens_nothing_says_so(visit: Visit, which: str) -> None:
    visit.allow("status of 40[134]")
    page = visit.open()
    address = handed_link(page, send(page, "wordcount", Text="x"))
    task_id = address.partition("#id=")[2].partition("&")[0]
    wrong = {"wrong token": f"#id={task_id}&token=AAAA", "unknown id": f"#id={task_id[:-4]}0000&token=AAAA"}[which]
    page.evaluate("localStorage.removeItem('taskbell.tasks')")
    page.goto("about:blank")
    visit.open(wrong)
    expect(page.get_by_role("alert")).to_contain_text("The link does not open a task.")
    expect(cards(page)).to_have_count(0)


def test_a_task_that_is_no_longer_kept_is_called_gone(visit: Visit, site: Site) -> None:
    visit.allow("status of 40[134]")
    page = visit.open()
    card = send(page, "wordcount", Text="forget me")
    expect(state(card)).to_have_text("Succeeded")
    task_id = card.get_attribute("id").removeprefix("task-")
    page.goto("about:blank")
    with site.database.connect("superuser") as connection:
        connection.execute("delete from taskbell.finished where id = %s", [task_id])
    visit.open()
    expect(state(card)).to_have_text("Gone")
    page.reload()
    expect(cards(page)).to_have_count(0)


def test_a_removed_task_stays_away_and_tabs_agree(visit: Visit) -> None:
    page = visit.open()
    send(page, "wordcount", Text="one")
    other = visit.another_tab()
    other.goto(visit.url)
    expect(cards(other)).to_have_count(1)
    send(page, "wordcount", Text="two")
    expect(cards(other)).to_have_count(2)
    cards(page).last.get_by_role("button", name="Remove").click()
    expect(cards(page)).to_have_count(1)
    expect(cards(other)).to_have_count(1)
    page.reload()
    expect(cards(page)).to_have_count(1)


def test_the_list_is_bounded(visit: Visit) -> None:
    page = visit.open()
    page.evaluate(
        """async () => {
          const { taskbell } = await import("/js/taskbell.js");
          const { keep } = await import("/js/store.js");
          for (let i = 0; i < 33; i++) keep(await taskbell.enqueue("echo", { i }));
        }"""
    )
    page.reload()
    expect(cards(page)).to_have_count(30)
    expect(result(cards(page).first)).to_contain_text("32")
