"""A request's headers by name, made a dictionary once: a POST asks for eight, and Starlette walks the list for each."""

from starlette.types import Scope

KEPT = "taskbell.headers"


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of this name (in lower case), None when there is none."""
    found: dict[bytes, bytes] | None = scope.get(KEPT)
    if found is None:
        found = dict(reversed(scope["headers"]))  # of several with one name the first is left standing
        if scope["type"] == "http":  # a websocket's would lie about as long as it waits
            scope[KEPT] = found
    value = found.get(name)
    return None if value is None else value.decode("latin-1")
