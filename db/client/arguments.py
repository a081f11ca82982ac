"""Python values as the SQL functions take them."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.errors import BadArgument

MAX_DIGITS = 4000  # of an integer; Python refuses from 4,300 on


def to_json(items: Sequence[dict[str, Any]]) -> str:
    """Return an array of objects as JSON text; what is None is left out.

    `BadArgument`: a value that no JSON can hold.
    """
    try:
        return json.dumps(
            [{key: value for key, value in item.items() if value is not None} for item in items],
            default=_plain,
            ensure_ascii=True,  # lone surrogates stay escaped, so that Postgres can refuse them by name
            allow_nan=False,
            separators=(",", ":"),
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise BadArgument(f"a value does not fit into JSON: {error}") from error


def from_json(text: str) -> Any:
    """Return what Postgres wrote as jsonb; an integer of more digits than Python converts becomes text."""
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(text, parse_int=_integer)


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= MAX_DIGITS else digits


def seconds(span: float | timedelta | None) -> float | None:
    """Return a span in seconds."""
    return span.total_seconds() if isinstance(span, timedelta) else span


def interval(span: float | timedelta | None) -> timedelta | None:
    """Return a span, or a number of seconds, as a timedelta. `BadArgument`: longer than one can be."""
    try:
        return span if span is None or isinstance(span, timedelta) else timedelta(seconds=span)
    except (OverflowError, ValueError) as error:
        raise BadArgument(f"{span} seconds are no span of time: {error}") from error


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON value")
