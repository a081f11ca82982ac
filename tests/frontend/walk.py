"""What a visitor does, in words."""

from playwright.sync_api import Locator, Page, expect


def choose(page: Page, task: str) -> None:
    page.get_by_role("radio", name=task, exact=True).check()


def send(page: Page, task: str, **entries: str) -> Locator:
    """Choose a task, fill its form, send it; return its card."""
    choose(page, task)
    for label, entry in entries.items():
        page.get_by_label(label).fill(entry)
    before = cards(page).count()
    page.get_by_role("button", name="Send task").click()
    expect(cards(page)).to_have_count(before + 1)
    return page.locator(f"#{cards(page).first.get_attribute('id')}")


def cards(page: Page) -> Locator:
    return page.locator("#task-list > li")


def state(card: Locator) -> Locator:
    return card.locator(".state")


def result(card: Locator) -> Locator:
    return card.locator(".result")


def link(page: Page) -> Locator:
    return page.locator("#link-name")


def handed_link(page: Page, card: Locator) -> str:
    """Press "Copy link" and look into the clipboard."""
    card.get_by_role("button", name="Copy link").click()
    expect(card.get_by_role("button", name="Copied")).to_be_visible()
    return page.evaluate("navigator.clipboard.readText()")
