"""The last hour, minute by minute: what is past does not change, so each minute is read once and kept."""

import time
from datetime import UTC, datetime, timedelta

from django.core.cache import cache

from admin_site.queue_admin.calls import rows_of
from admin_site.queue_admin.chart import Ended

MINUTES = 60
CHUNK = 5  # minutes read at once
BUDGET = 0.12  # seconds of reading per page; what is missing comes with the next refresh
KEPT = 2 * 3600  # seconds


def last_hour(now: datetime | None = None) -> list[tuple[datetime, Ended | None]]:
    """Return the last 60 minutes, oldest first, the present one included; None: not read yet."""
    present = (now or datetime.now(UTC)).replace(second=0, microsecond=0)
    minutes = [present - timedelta(minutes=back) for back in range(MINUTES)]
    known: dict[str, Ended] = cache.get_many([_key(minute) for minute in minutes])
    found = {minute: known[key] for minute in minutes if (key := _key(minute)) in known}
    deadline = time.monotonic() + BUDGET
    for start in range(0, MINUTES, CHUNK):
        chunk = minutes[start : start + CHUNK]
        if any(minute not in found for minute in chunk) and (start == 0 or time.monotonic() < deadline):
            found |= _read(chunk, present)
    return [(minute, found.get(minute)) for minute in reversed(minutes)]


def _read(chunk: list[datetime], present: datetime) -> dict[datetime, Ended]:
    span = {"since": chunk[-1], "until": chunk[0] + timedelta(minutes=1)}
    ended = {row[0]: (row[1], row[2], row[3]) for row in rows_of("history", span)}
    read = {minute: ended.get(minute, (0, 0, 0)) for minute in chunk}
    # The last full minute may still be growing: a completion commits a moment after its own clock's minute.
    settled = {_key(minute): counts for minute, counts in read.items() if minute < present - timedelta(minutes=1)}
    cache.set_many(settled, KEPT)
    return read


def _key(minute: datetime) -> str:
    return f"ended-{minute:%Y%m%d%H%M}"
