"""What stands around every page: a strict Content-Security-Policy, and a plain page when the database is gone."""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from admin_site import trouble

# The theme's Alpine.js evaluates the expressions in its own templates, and it sets style attributes; nothing else is
# let in: no inline script, no other site.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
RETRY_AFTER = "5"  # seconds

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
        if response.status_code < 500:  # noqa: PLR2004 - HTTP's
            trouble.answered()
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
    said = trouble.tell(error)
    return _page(503, *said) if said else None


def _page(status: int, title: str, text: str) -> HttpResponse:
    body = render_to_string("taskbell/plain.html", {"title": title, "text": text, "again": status == 503})  # noqa: PLR2004 - HTTP's number
    headers = {"Retry-After": RETRY_AFTER, "Content-Security-Policy": POLICY} if status == 503 else {}  # noqa: PLR2004 - HTTP's number
    page = HttpResponse(body, status=status, headers=headers)
    page._has_been_logged = status == 503  # type: ignore[attr-defined]  # noqa: PLR2004, SLF001 - Django's own: says no more
    return page
