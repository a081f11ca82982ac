"""What the front page shows, gathered from the views of schema taskbell."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from admin_site.queue_admin import chart, history
from admin_site.queue_admin.models import Queue, Worker
from admin_site.queue_admin.monitor_models import Estimate, Health, Stats
from admin_site.queue_admin.rights import may_see
from admin_site.queue_admin.timeline import duration

OLD_TRANSACTION = 60.0  # seconds; from then on dead rows pile up behind it
MANY_DEAD = 50_000  # rows of the live table
FULL_BELL = 0.3  # of the notification queue; ringers skip above half of it
MOST_QUEUES = 50  # on the front page; all of them have a page of their own


@dataclass(frozen=True)
class Warn:
    """Something that threatens the queue, and what to do about it."""

    title: str
    text: str
    level: str = "bad"


def front_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the front page's data to the frame's."""
    return {**context, **(overview() if may_see(request) else {}), "may_see": may_see(request)}


def overview() -> dict[str, Any]:
    """Gather everything the page refreshes."""
    health = Health.objects.get()
    stats = list(Stats.objects.order_by("queue"))
    queues = {queue.name: queue for queue in Queue.objects.all()}
    workers = list(Worker.objects.order_by("-alive", "name")[:MOST_QUEUES])
    stats.sort(key=lambda row: (-(row.queued + row.running), -row.succeeded_per_minute, row.queue))
    return {
        "health": health,
        "rows": [{"stats": row, "queue": queues.get(row.queue)} for row in stats[:MOST_QUEUES]],
        "more_queues": max(0, len(stats) - MOST_QUEUES),
        "totals": {
            name: sum(getattr(row, name) for row in stats)
            for name in ("queued", "due", "scheduled", "running", "succeeded_per_minute", "failed_per_minute")
        },
        "oldest": max((row.oldest_due_seconds for row in stats if row.oldest_due_seconds), default=None),
        "workers": workers,
        "chart": chart.draw(history.last_hour()),
        "estimate": Estimate.objects.get(),
        "warnings": list(warnings(health, sum(row.due for row in stats))),
        "now": datetime.now(UTC),
    }


def warnings(health: Health, due: int) -> list[Warn]:
    """Say what threatens the queue, the worst first."""
    found = []
    if not health.workers_alive:
        text = f"{due} due tasks wait" if due else "Tasks that come will wait"
        found.append(Warn("No worker beats", f"{text} until one is started: make run, or python -m worker."))
    elif health.lock_lost:
        found.append(Warn("Redis does not answer", "Workers may not take exclusive queues until it is back."))
    if health.paused:
        found.append(Warn("Everything is paused", "Resume on the page Queues.", "warn"))
    oldest = health.oldest_transaction_seconds or 0
    if oldest > OLD_TRANSACTION:
        found.append(
            Warn(
                f"A transaction is open for {duration(oldest)}",
                "Postgres cannot clean up behind it, and every queue gets slower. "
                "Find it in pg_stat_activity (order by xact_start) and end it.",
                "warn" if oldest < 10 * OLD_TRANSACTION else "bad",
            )
        )
    if (health.dead_tuples_live or 0) > MANY_DEAD:
        text = "Vacuum does not keep up with taskbell.live: look for an old transaction, or vacuum taskbell.live."
        found.append(Warn(f"{chart.short(health.dead_tuples_live or 0)} dead rows", text, "warn"))
    if 0 < health.workers_alive > health.workers_listening:
        deaf = health.workers_alive - health.workers_listening
        found.append(
            Warn(f"{deaf} of {health.workers_alive} workers do not hear NOTIFY", "They poll once a second.", "warn")
        )
    if health.notification_queue_usage > FULL_BELL:
        text = "Some session LISTENs and never reads. Above half, rings are skipped and workers poll."
        found.append(Warn(f"The notification queue is {health.notification_queue_usage:.0%} full", text, "warn"))
    return found
