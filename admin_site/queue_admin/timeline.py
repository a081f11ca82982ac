"""A task's life as a small picture: scheduled, waiting, running, and each attempt below. Geometry only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from admin_site.queue_admin.models import Task
    from admin_site.queue_admin.monitor_models import Attempt

WIDTH = 720  # user units
LANE, GAP, BAR = 30, 6, 18
LEAST = 2.0  # user units; shorter spans would not be seen


@dataclass(frozen=True)
class Span:
    """A bar of the picture."""

    x: float
    y: int
    width: float
    kind: str
    title: str


@dataclass(frozen=True)
class Timeline:
    """The whole picture."""

    spans: list[Span]
    start: datetime
    end: datetime
    height: int
    width: int = WIDTH
    bar: int = BAR


def draw(task: "Task", attempts: "Sequence[Attempt]", now: datetime | None = None) -> Timeline:
    """Lay out one task's life, until now while it has not finished."""
    start = task.created_at
    end = max(task.finished_at or now or datetime.now(UTC), task.started_at or start)
    if not task.finished_at and task.status == "queued" and task.run_at > end:
        end = task.run_at
    length = max((end - start).total_seconds(), 0.001)

    def span(begin: datetime, until: datetime, lane: int, kind: str, title: str) -> Span:
        x = max((begin - start).total_seconds(), 0) / length * WIDTH
        width = max((until - begin).total_seconds() / length * WIDTH, LEAST)
        return Span(round(min(x, WIDTH - LEAST), 2), lane * LANE + GAP, round(min(width, WIDTH - x), 2), kind, title)

    first = min([attempt.started_at for attempt in attempts if attempt.started_at] + [task.started_at or end])
    due = min(max(task.run_at, start), first) if not attempts else start
    spans = []
    if due > start:
        spans.append(span(start, due, 0, "scheduled", f"scheduled {words(due, start)}"))
    spans.append(span(due, first, 0, "waiting", f"waited {words(first, due)}"))
    if task.started_at:
        spans.append(span(first, end, 0, task.status, f"{task.status} {words(end, first)}"))
    for attempt in attempts:
        begun, ended = attempt.started_at or first, attempt.finished_at or end
        title = f"attempt {attempt.attempt}: {attempt.status}, {words(ended, begun)}"
        spans.append(span(begun, ended, 1, attempt.status, title))
    lanes = 2 if attempts else 1
    return Timeline(spans, start, end, lanes * LANE)


def words(later: datetime, earlier: datetime) -> str:
    """Say how long that was."""
    return duration((later - earlier).total_seconds())


def duration(seconds: float) -> str:
    """Say a number of seconds: 3 ms, 1.2 s, 4 min, 3 h 20 min, 5 d."""
    seconds = max(seconds, 0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 100:  # noqa: PLR2004 - how people round
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - how people round
    minutes, hours = seconds / 60, seconds / 3600
    if hours < 2:  # noqa: PLR2004 - how people round
        return f"{minutes:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"  # noqa: PLR2004 - how people round
