"""The header `Prefer: wait=N` (RFC 7240)."""

import re

from starlette.requests import Request

from api.headers import header

MAX_WAIT = 60  # seconds; a longer wish counts as this
_WAIT = re.compile(r'\s*wait\s*=\s*(?:"(\d{1,9})"|(\d{1,9}))\s*(?:;.*)?', re.IGNORECASE | re.DOTALL)


def wanted_wait(request: Request) -> int | None:
    """Return how many seconds the client would wait, at most 60; None when it said nothing readable."""
    if header(request.scope, b"prefer") is None:
        return None
    for given in request.headers.getlist("prefer"):
        for preference in given.split(","):
            if match := _WAIT.fullmatch(preference):
                return min(int(match[1] or match[2]), MAX_WAIT)
    return None


def applied(seconds: int) -> dict[str, str]:
    """Return the header that says that we waited."""
    return {"Preference-Applied": f"wait={seconds}"}
