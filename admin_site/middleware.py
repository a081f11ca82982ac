"""What stands around every page: a strict Content-Security-Policy, and a plain page when the database is gone."""

import logging
import sys
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, ProgrammingError, connection
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from db.presence import Presence

logger = logging.getLogger(__name__)

# The theme's Alpine.js evaluates the expressions in its own templates, and it sets style attributes; nothing else is
# let in: no inline script, no other site.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
RETRY_AFTER = "5"  # seconds

PART = "pages"  # of the process, as its `Presence` knows it
presence = Presence()

Answer = Callable[[HttpRequest], HttpResponse]


class ContentSecurityPolicy:
    """Adds the policy to every answer, and keeps pages with tasks out of caches."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with the headers."""
        response = self.get_response(request)
        response["Content-Security-Policy"] = POLICY
        response.setdefault("Cache-Control", "private, no-store")
        return response


class DatabaseGone:
    """Turns a lost, read-only or unmigrated database into a page that says so (503), never a traceback."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer; what other middleware raised ends in `server_error`."""
        response = self.get_response(request)
        if presence.away() and response.status_code < 500 and connection.connection is not None:  # noqa: PLR2004 - HTTP's
            presence.found(PART)
        return response

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer in place of a page that met no database."""
        return database_page(error)


def server_error(_request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 where the database is the reason; Django has logged the error already."""
    error = sys.exc_info()[1]
    page = database_page(error) if error else None
    return page or _page(500, "Something went wrong", "It was logged. Going back and trying again may help.")


def database_page(error: BaseException) -> HttpResponse | None:
    """Return the plain page for an error of the database, None for any other."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    if isinstance(error, ProgrammingError) and state in {"42P01", "3F000", "42501"}:
        logger.error("the admin's tables are missing or closed: %s", error)
        return _page(503, "The database is not ready", "Run make migrate, then reload this page.")
    if state == "57014":
        logger.error("a page took too long: %s", " ".join(str(error).split()))
        return _page(503, "That took too long", "The database was busy, or the question too wide: try a narrower one.")
    if state == "25006":
        presence.lost(PART, error, sentence="the database is read-only: {}")
        return _page(503, "The database is read-only", "It may be a standby: this page tries again by itself.")
    if isinstance(error, OperationalError | InterfaceError):
        presence.lost(PART, error)
        return _page(503, "The database does not answer", "Tasks are safe in it. This page tries again by itself.")
    return None


def _page(status: int, title: str, text: str) -> HttpResponse:
    body = render_to_string("taskbell/plain.html", {"title": title, "text": text, "again": status == 503})  # noqa: PLR2004 - HTTP's number
    headers = {"Retry-After": RETRY_AFTER, "Content-Security-Policy": POLICY} if status == 503 else {}  # noqa: PLR2004 - HTTP's number
    page = HttpResponse(body, status=status, headers=headers)
    page._has_been_logged = status == 503  # type: ignore[attr-defined]  # noqa: PLR2004, SLF001 - Django's own: says no more
    return page
