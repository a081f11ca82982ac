"""For every eye, hand and ear: axe, keyboard, narrow screens, calm motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.frontend.visit import Site, Visit, VisitAt
from tests.frontend.walk import cards, choose, link, send, state

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NARROW = {"width": 320, "height": 640}
WIDE = {"width": 1280, "height": 800}


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    visit_at: VisitAt, site: Site, viewport: str, color_scheme: str
) -> None:
    page = visit_at(site.url, viewport=viewport, color_scheme=color_scheme, reduced_motion="reduce").open()
    expect(link(page)).to_have_text("Live")
    _inspect(page)
    expect(state(send(page, "wordcount", Text="a-very-long-word-" * 20))).to_have_text("Succeeded")
    expect(state(send(page, "refuse", reason="No/spaces/in/this/path/at/all/" * 8))).to_have_text("Failed")
    running = send(page, "steps")
    expect(state(running)).to_have_text("Running")
    choose(page, "resize")
    page.get_by_role("button", name="Send task").click()
    expect(page.locator("#field-url-error")).to_be_visible()
    _inspect(page)
    running.get_by_role("button", name="Cancel").click()
    expect(state(running)).to_have_text("Cancelled")


def test_a_task_can_be_sent_read_and_removed_by_keyboard_alone(visit: Visit) -> None:
    page = visit.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to your tasks")).to_be_focused()
    _tab_to(page, "input[name=task]:checked")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="steps")).to_be_checked()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("radio", name="wordcount")).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("by hand")
    page.keyboard.press("Control+Enter")
    expect(state(cards(page).first)).to_have_text("Succeeded")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(2)
    expect(page.locator("#send")).to_be_focused()
    _tab_to(page, ".payload summary")
    page.keyboard.press("Enter")
    expect(cards(page).first.locator(".payload pre")).to_be_visible()
    _tab_to(page, ".remove", backwards=True)
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(1)
    expect(cards(page).locator("h3")).to_be_focused()


def test_who_asks_for_calm_gets_no_animation(visit_at: VisitAt, site: Site) -> None:
    page = visit_at(site.url, reduced_motion="reduce").open()
    card = send(page, "steps")
    expect(state(card)).to_have_text("Running")
    assert page.evaluate("document.getAnimations().length") == 0
    card.get_by_role("button", name="Cancel").click()
    expect(state(card)).to_have_text("Cancelled")


def _inspect(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def _tab_to(page: Page, selector: str, *, backwards: bool = False) -> None:
    """Press Tab until something that matches has focus."""
    for _ in range(30):
        page.keyboard.press("Shift+Tab" if backwards else "Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    pytest.fail(f"Tab never came to {selector}")
