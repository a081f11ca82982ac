"""Rows of the database as JSON values."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID


def plain(row: Mapping[str, object], leave_out: AbstractSet[str] = frozenset()) -> dict[str, Any]:
    """Return a row's columns as JSON: intervals as seconds, times in UTC with a Z, ids as text."""
    return {name: _value(value) for name, value in row.items() if name not in leave_out}


def _value(value: object) -> Any:
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value) if isinstance(value, UUID) else value
