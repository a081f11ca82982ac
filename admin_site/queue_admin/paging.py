"""A page of tasks, newest first, out of millions: by key, never by offset, and looking at a bounded part.

Ids are ordered by time (UUID v7), so "newest first" is the order of the primary key, a moment is an id, and the
next page starts at the last one's end. A filter that few tasks pass is looked for in windows of the key, until the
page is full or its time is over; the page then says how far it looked and offers to look further.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from admin_site.queue_admin.models import Task

PER_PAGE = 50  # tasks
WINDOW = 20_000  # tasks looked at in one go
BUDGET = 0.25  # seconds of looking, about
INDEXED = frozenset({"queued", "running", "failed", "cancelled"})  # states with an index, or in the small table
COLUMNS = (
    "id", "task", "queue", "status", "priority", "attempt", "max_attempts", "created_at", "run_at", "started_at",
    "finished_at", "enqueued_by", "progress", "error", "idempotency_key",
)  # fmt: skip
MOST_UUID = UUID(int=(1 << 128) - 1)
LEAST_UUID = UUID(int=0)


@dataclass(frozen=True)
class Wish:
    """What the person filters by; `ids` come from a search and leave the rest as it is."""

    status: str = ""
    queue: str = ""
    tasks: tuple[str, ...] = ()
    since: datetime | None = None
    before: UUID = MOST_UUID
    ids: tuple[UUID, ...] | None = None


@dataclass
class Page:
    """Some tasks, and where to go on."""

    tasks: list[Task] = field(default_factory=list)
    older: UUID | None = None  # go on below this id
    looked_back_to: datetime | None = None  # set where the time was over before the page was full


def read(wish: Wish) -> Page:
    """Return one page."""
    if wish.ids is not None:
        return Page(list(_filtered(wish, Task.objects.filter(id__in=wish.ids))[:PER_PAGE]))
    floor = first_id(wish.since) if wish.since else LEAST_UUID
    selective = bool(wish.queue or wish.tasks or wish.status == "succeeded")
    if not selective or wish.status in {"queued", "running"}:
        return _cut(list(_between(wish, wish.before, floor)[: PER_PAGE + 1]))
    if wish.status in INDEXED and not (wish.queue or wish.tasks):
        return _cut(list(_between(wish, wish.before, floor)[: PER_PAGE + 1]))
    return _search(wish, floor)


def first_id(moment: datetime) -> UUID:
    """Return the least UUID v7 of that millisecond."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)


def moment_of(task_id: UUID) -> datetime:
    """Return when a UUID v7 was made."""
    return datetime.fromtimestamp((task_id.int >> 80) / 1000, UTC)


def _search(wish: Wish, floor: UUID) -> Page:
    deadline = time.monotonic() + BUDGET
    found: list[Task] = []
    top, window = wish.before, WINDOW
    while True:
        below = Task.objects.filter(id__lt=top, id__gt=floor).order_by("-id").values_list("id", flat=True)
        bottom = below[window : window + 1].first()
        found += _between(wish, top, bottom or floor, inclusive=bottom is not None)[: PER_PAGE + 1 - len(found)]
        if len(found) > PER_PAGE or bottom is None:
            return _cut(found)
        if time.monotonic() > deadline:
            return Page(found, bottom, moment_of(bottom))
        top = bottom


def _between(wish: Wish, top: UUID, bottom: UUID, *, inclusive: bool = False) -> QuerySet[Task]:
    edge = Q(id__gte=bottom) if inclusive else Q(id__gt=bottom)
    rows = Task.objects.filter(edge) if bottom != LEAST_UUID else Task.objects.all()
    return _filtered(wish, rows if top == MOST_UUID else rows.filter(id__lt=top))


def _filtered(wish: Wish, rows: QuerySet[Task]) -> QuerySet[Task]:
    if wish.status:
        rows = rows.filter(status=wish.status)
    if wish.queue:
        rows = rows.filter(queue=wish.queue)
    if wish.tasks:
        rows = rows.filter(task__in=wish.tasks)
    return rows.order_by("-id").only(*COLUMNS)


def _cut(tasks: list[Task]) -> Page:
    return Page(tasks[:PER_PAGE], tasks[PER_PAGE - 1].id if len(tasks) > PER_PAGE else None)
