"""Figures for Prometheus: of this process's requests, and of the queues as the database tells them."""

import asyncio
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from starlette.types import Scope

from db.errors import DatabaseError

if TYPE_CHECKING:
    from db.client import Client

CACHED = 2.0  # seconds: several scrapers cost the database one look
DEADLINE = 5.0  # seconds
METHODS = {"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"}
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)
STATS = {
    "queued": "Tasks waiting, due or not",
    "due": "Tasks waiting that are due",
    "scheduled": "Tasks waiting for their time",
    "running": "Tasks that a worker has claimed",
    "oldest_due_seconds": "Age of the oldest task that is due",
    "succeeded_per_minute": "Tasks that succeeded in the last minute",
    "failed_per_minute": "Tasks that failed in the last minute",
    "wait_p50": "Seconds from due to started, median of the last 5 minutes",
    "wait_p99": "Seconds from due to started, 99th percentile of the last 5 minutes",
    "run_p50": "Seconds a run takes, median of the last 5 minutes",
    "run_p99": "Seconds a run takes, 99th percentile of the last 5 minutes",
}
HEALTH = {
    "workers_alive": "Workers that beat within 10 seconds",
    "workers_listening": "Workers that hear NOTIFY",
    "lock_lost": "Workers that cannot reach Redis",
    "oldest_transaction_seconds": "Age of the oldest open transaction in the database",
    "dead_tuples_live": "Dead rows of the table of live tasks",
    "notification_queue_usage": "Part of Postgres's notification queue that is used, 0 to 1",
    "stale_calls": "Calls of workers that had lost their claim, refused",
    "lost_claims": "Claims taken back from dead workers",
    "unrung": "Rings left out because the notification queue was more than half full",
    "paused": "1 while everything is paused",
}


class Metrics:
    """What /metrics shows. `began` and `done` are called once a request, so they look nothing up twice."""

    def __init__(self, bare_routes: dict[object, str]) -> None:
        self.in_flight = 0
        self.registry = CollectorRegistry()
        self._bare_routes = bare_routes  # paths of endpoints that are not FastAPI's, which names its own alone
        self._database: DatabaseFigures | None = None
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        labels = ("method", "route")
        self._requests = Counter(
            "taskbell_http_requests", "Requests answered", (*labels, "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "taskbell_http_request_seconds", "Time to answer", labels, buckets=BUCKETS, registry=self.registry
        )
        in_flight = Gauge("taskbell_http_requests_in_flight", "Requests being answered", registry=self.registry)
        in_flight.set_function(lambda: self.in_flight)

    def watch(self, client: "Client") -> None:
        """Show the database's figures too."""
        if self._database is not None:
            self.registry.unregister(self._database)
        self._database = DatabaseFigures(client)
        self.registry.register(self._database)

    def began(self) -> None:
        """Note that a request has come."""
        self.in_flight += 1

    def done(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answered request."""
        self.in_flight -= 1
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        key = (method, self._route(scope, status), status)
        children = self._children.get(key)
        if children is None:
            labels = (*key[:2],)
            children = (self._requests.labels(*labels, str(status)), self._seconds.labels(*labels))
            self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    async def text(self) -> bytes:
        """Return everything in Prometheus's text format."""
        if self._database is not None:
            await self._database.refresh()
        return generate_latest(self.registry)

    def _route(self, scope: Scope, status: int) -> str:
        """Return the route's path, so that ids and typing errors don't become label values."""
        route = scope.get("route")
        if route is not None:
            return str(route.path)
        path = self._bare_routes.get(scope.get("endpoint"))
        return path or ("page" if status < 400 else "none")  # noqa: PLR2004 - errors begin there


class DatabaseFigures(Collector):
    """The database's figures as they were at the last refresh."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self._read_at = -CACHED
        self._stats: list[dict[str, Any]] = []
        self._health: dict[str, Any] | None = None

    async def refresh(self) -> None:
        """Read the figures unless they are fresh; without a database, say so in `taskbell_database_up`."""
        async with self._lock:
            if time.monotonic() - self._read_at < CACHED:
                return
            try:
                async with asyncio.timeout(DEADLINE):
                    self._stats = [dict(row) for row in await self._client.stats()]
                    self._health = dict(await self._client.health())
            except (DatabaseError, TimeoutError):
                self._stats, self._health = [], None
            self._read_at = time.monotonic()

    def collect(self) -> Iterator[Metric]:
        """Yield the figures."""
        yield GaugeMetricFamily("taskbell_database_up", "1 while the database answers", float(self._health is not None))
        for name, help_text in HEALTH.items():
            value = (self._health or {}).get(name)
            if value is not None:
                yield GaugeMetricFamily(f"taskbell_{name}", help_text, float(value))
        for name, help_text in STATS.items():
            family = GaugeMetricFamily(f"taskbell_queue_{name}", help_text, labels=("queue",))
            for row in self._stats:
                if row.get(name) is not None:
                    family.add_metric([row["queue"]], float(row[name]))
            yield family
