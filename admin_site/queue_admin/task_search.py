"""Reads the filters and the search box of the tasks list out of the address."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.http import QueryDict

from admin_site.queue_admin import paging
from admin_site.queue_admin.calls import rows_of
from admin_site.queue_admin.models import STATUSES, Task, TaskType

SPANS = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
SPAN_NAMES = {"1h": "last hour", "1d": "last day", "7d": "last week"}


def wish(query: QueryDict) -> paging.Wish:
    """Return what to look for; wrong values count as absent.

    The search box takes an id, an idempotency key, or (part of) a task's name, and tries them in this order.
    """
    status = query.get("status", "")
    span = SPANS.get(query.get("since", ""))
    names, ids = _search(query.get("q", "").strip())
    chosen = query.get("task", "").replace("\x00", "")
    return paging.Wish(
        status=status if status in STATUSES else "",
        queue=query.get("queue", "").replace("\x00", ""),
        tasks=(chosen,) if chosen else names,
        since=datetime.now(UTC) - span if span else None,
        before=as_uuid(query.get("before", "")) or paging.MOST_UUID,
        ids=ids,
    )


def as_uuid(text: str) -> UUID | None:
    """Read an id in any of the ways people write one, also a channel's name; None: it is none."""
    try:
        return UUID(text.strip().removeprefix("task_"))
    except ValueError:
        return None


def _search(text: str) -> tuple[tuple[str, ...], tuple[UUID, ...] | None]:
    if not text or "\x00" in text:
        return (), () if text else None
    if (task_id := as_uuid(text)) and Task.objects.filter(id=task_id).exists():
        return (), (task_id,)
    if ids := tuple(row[0] for row in rows_of("find_key", {"key": text})):
        return (), ids
    known = TaskType.objects.filter(name__icontains=text).values_list("name", flat=True)
    names = tuple(dict.fromkeys([text, *known]))
    return names, None
