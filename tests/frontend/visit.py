"""One browser profile on the page, and what no page may do meanwhile."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import Page, expect

from tests.servers import Database


@dataclass
class Site:
    """What runs behind the page."""

    url: str
    database: Database
    other_origin: str


@dataclass
class Visit:
    """One browser profile: opens pages and remembers what none of them may do."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """Expect console errors like this: the browser reports each failed request there."""
        self.allowed.append(pattern)

    def watch(self, page: Page) -> Page:
        page.on("console", lambda message: self._weigh(message.type, message.text))
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("request", lambda request: self._weigh_address(request.url))
        return page

    def open(self, fragment: str = "") -> Page:
        """Open the page; return once it knows the tasks that it can send."""
        self.page.goto(self.url + fragment)
        expect(self.page.get_by_role("radio", name="wordcount")).to_be_visible()
        return self.page

    def another_tab(self) -> Page:
        return self.watch(self.page.context.new_page())

    def _weigh(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)

    def _weigh_address(self, address: str) -> None:
        if not address.startswith((self.url, "data:")):
            self.complaints.append(f"external request: {address}")

    def verdict(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.allowed)]


VisitAt = Callable[..., Visit]
