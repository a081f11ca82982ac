"""A task as a websocket message: at most 8 KiB, whoever sends it."""

import json
from functools import lru_cache
from typing import Any

from api.watched import Task

MAX_MESSAGE = 8192  # bytes; bigger ones can end wsify's whole process when a client goes away meanwhile
LEFT_OUT = ("payload", "result")  # of a message that would be bigger; the rest comes from GET /api/tasks/{id}
LEFT_OUT_NEXT = ("progress", "error")  # of one that still would: a KiB each, six as escapes
ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
_escape = str.maketrans(ESCAPES)
MEMORY = 1024  # messages kept, for the many who watch one task


class _Keyed:
    """A task that counts as equal to the same state of the same task, so that its message is made once."""

    __slots__ = ("key", "task")

    def __init__(self, task: Task) -> None:
        self.task = task
        self.key = (task["id"], task["seq"])

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and self.key == other.key


def message(task: Task) -> str:
    """Return the task as JSON text of at most 8 KiB; with `"partial": true` where something was left out."""
    keyed = _Keyed(task)
    text = _remembered(keyed)
    keyed.task = {}  # the memory shall keep the message, not the megabyte it was made from
    return text


@lru_cache(MEMORY)
def _remembered(keyed: _Keyed) -> str:
    text = _dump(keyed.task)
    left_out: tuple[str, ...] = ()
    for more in (LEFT_OUT, LEFT_OUT_NEXT):
        if text is not None and len(text.encode()) <= MAX_MESSAGE:
            break
        left_out += more
        text = _dump({name: value for name, value in keyed.task.items() if name not in left_out} | {"partial": True})
    assert text is not None, "what is left holds no numbers that JSON lacks"
    return text


def partial(task: Task) -> str:
    """Return the task without payload and result, for a carrier that cannot take them."""
    text = _dump({name: value for name, value in task.items() if name not in LEFT_OUT} | {"partial": True})
    assert text is not None, "what is left holds no numbers that JSON lacks"
    return text


def _dump(task: dict[str, Any]) -> str | None:
    """Return JSON as wsify writes it (so that the size is right for both), None where a number is beyond a float."""
    try:
        return json.dumps(task, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_escape)
    except ValueError:
        return None
