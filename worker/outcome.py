"""How a run ends when it does not succeed: what tasks may raise, and how errors are told to the database."""

import traceback
from typing import Literal, NamedTuple

MESSAGE_BYTES = 1024  # of an error's message, and of a note
TRACEBACK_BYTES = 64 * 1024  # the end of a longer one is kept: that is where the error stands

Verdict = Literal["retry", "fail", "cancel"]


class Fail(Exception):  # noqa: N818 - people raise it: raise Fail("no such customer")
    """The task failed for good; no attempt is made again."""


class Retry(Exception):  # noqa: N818 - people raise it: raise Retry(after=30)
    """This attempt failed; try again `after` so many seconds (left out: Taskbell's own back-off)."""

    def __init__(self, message: str = "", *, after: float | None = None) -> None:
        super().__init__(message or ("try again" if after is None else f"try again after {after:g} s"))
        self.after = after


class Failure(NamedTuple):
    """What is told to the database of a run that did not succeed."""

    verdict: Verdict
    type: str
    message: str
    traceback: str | None = None
    after: float | None = None  # seconds


def failure_of(error: BaseException, *, verdict: Verdict = "retry") -> Failure:
    """Return what to tell of an exception that a task raised."""
    if isinstance(error, Fail):
        verdict = "fail"
    after = error.after if isinstance(error, Retry) else None
    return Failure(verdict, storable(type(error).__name__, 200), _message(error), _traceback(error), after)


def storable(text: str, most: int = MESSAGE_BYTES) -> str:
    """Return text that Postgres can hold as JSON, cut to so many bytes of UTF-8: no NUL, no lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _message(error: BaseException) -> str:
    try:
        return storable(str(error)) or storable(repr(error))
    except Exception:  # noqa: BLE001 - people's __str__ may raise anything
        return "(its message can't be read)"


def _traceback(error: BaseException) -> str | None:
    if error.__traceback__ is None or isinstance(error, (Fail, Retry)):
        return None
    try:
        lines = "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - as above
        return None
    return storable(lines[-TRACEBACK_BYTES:], TRACEBACK_BYTES)
