"""Errors of the API: every one is `application/problem+json` (RFC 9457) with a sentence that says how to mend it."""

import json
import logging
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from db import errors as db_errors

MEDIA_TYPE = "application/problem+json"
RETRY_SOON = 1  # seconds: the database is away, and may be back any moment
RETRY_LATER = 5  # seconds: a full queue needs time to drain
PRIVATE = "private, no-cache"

log = logging.getLogger("taskbell.api")

# SQLSTATEs of design and contract, each with its answer. Everything else from the database is a 500.
STATUS_OF: dict[type[Exception], int] = {
    db_errors.TaskNotFound: 404,
    db_errors.NotPossible: 409,
    db_errors.KeyConflict: 422,
    db_errors.Timeout: 503,
    db_errors.BadArgument: 422,
    db_errors.QueueFull: 429,
    db_errors.Busy: 503,
    db_errors.Unavailable: 503,
}


# What a client is told of a database that can't, by the beginning of the code; the log of the API says more.
UNAVAILABLE = {
    "55P03": "Somebody else's open transaction holds what this needs; try again shortly.",
    "40": "This met another transaction in the database; try again shortly.",
    "57014": "The database took too long over this; try again shortly.",
    "25006": "The database is read-only at present; try again shortly.",
    "53100": "The database has no room left on its disk; try again shortly.",
    "53": "The database has used up its memory or its connections; try again shortly.",
    "28": "The database does not let this API in; try again once its login was put right.",
    "3F000": "Taskbell's schema is missing in the database or too old; try again once it was migrated.",
    "42": "Taskbell's schema is missing in the database or too old; try again once it was migrated.",
    "58": "The database can't read or write its files; try again shortly.",
    "XX": "The database has met an error of its own; try again shortly.",
    "08": "The database does not answer; try again shortly.",
    "57P": "The database does not answer; try again shortly.",
}


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer that is an error: status, one sentence, and what a program may want to know besides."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str | None = None,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.code = code
        self.errors = errors
        self.headers = headers or {}

    def response(self) -> Response:
        """Return this problem as an answer."""
        body: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.code:
            body["code"] = self.code
        if self.errors:
            body["errors"] = self.errors
        headers = {"Cache-Control": "no-store", **self.headers}
        # ASCII output: a detail that quotes a lone surrogate must not make the answer itself fail.
        return Response(json.dumps(body).encode(), self.status, headers, MEDIA_TYPE)


def needs_key(detail: str) -> Problem:
    """Return the 401 that says which scheme to use."""
    return Problem(401, detail, headers={"WWW-Authenticate": 'Bearer realm="taskbell"'})


def of_exception(error: Exception) -> Problem:
    """Return the problem that stands for any exception; an unknown one is logged and becomes a 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _of_http(error)
    if isinstance(error, RequestValidationError):
        return of_validation(list(error.errors()))
    for kind, status in STATUS_OF.items():
        if isinstance(error, kind):
            return _of_database(error, status)
    log.error("a request failed", exc_info=error)
    return Problem(500, "Something went wrong here; the log of the API says what.")


def of_validation(found: list[Any], *, under: tuple[str | int, ...] = ()) -> Problem:
    """Return the 422 for what pydantic found, with a pointer to each place."""
    errors = [_place(error, under) for error in found]
    first = errors[0]
    where = first.get("pointer") or first.get("parameter") or first.get("header")
    return Problem(422, f"{where}: {first['detail']}" if where else first["detail"], errors=errors)


async def answer_exception(request: Request, error: Exception) -> Response:
    """Answer an exception; registered for all that Starlette and FastAPI raise."""
    problem = of_exception(error)
    if problem.status == HTTPStatus.METHOD_NOT_ALLOWED and (methods := _methods(request)):
        problem.headers = {"Allow": ", ".join(sorted(methods))}
    return problem.response()


def _methods(request: Request) -> set[str]:
    """Return what this address answers over all its routes; Starlette names those of the first alone."""
    fitting = (route for route in request.app.routes if isinstance(route, Route))
    found = [route.methods or set() for route in fitting if route.path_regex.match(request.scope["path"])]
    return set().union(*found)


def _of_http(error: HTTPException) -> Problem:
    sentences = {
        404: "There is nothing at this address.",
        405: "This address does not answer that method; see the Allow header.",
        413: "The body is too large.",
    }
    return Problem(
        error.status_code, sentences.get(error.status_code, str(error.detail)), headers=dict(error.headers or {})
    )


def _of_database(error: Exception, status: int) -> Problem:
    message, hint, code = (getattr(error, name, None) for name in ("message", "hint", "code"))
    detail = f"{message or error}" if not hint else f"{message or error} ({hint})"
    headers = {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = {"Retry-After": str(RETRY_SOON)}
        if isinstance(error, db_errors.Unavailable):
            detail = next((told for begin, told in UNAVAILABLE.items() if error.code.startswith(begin)), detail)
    elif status == HTTPStatus.TOO_MANY_REQUESTS:
        headers = {"Retry-After": str(RETRY_LATER)}
    return Problem(status, detail, code=code, headers=headers)


def _place(error: dict[str, Any], under: tuple[str | int, ...]) -> dict[str, str]:
    detail = str(error["msg"]).removeprefix("Value error, ")
    loc = (*under, *error["loc"])
    if not loc:
        return {"detail": detail}
    if loc[0] in {"query", "path"}:
        return {"detail": detail, "parameter": str(loc[-1])}
    if loc[0] == "header":
        return {"detail": detail, "header": str(loc[-1])}
    parts = loc[1:] if loc[0] == "body" else loc
    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
    return {"detail": detail, "pointer": pointer}
