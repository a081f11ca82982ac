"""What the database answers, as types. Times are aware datetimes, spans timedeltas, unless a name says seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypedDict
from uuid import UUID

Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Refusal = Literal["stale", "busy"]  # somebody else has the task by now; its row is locked just now, try again


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task: `json` as everybody gets it, and who enqueued it."""

    json: dict[str, Any]
    enqueued_by: str


class Enqueued(NamedTuple):
    """One task of a batch; `position` counts from 1, `created` is False for a repeat of its idempotency key."""

    position: int
    id: UUID
    created: bool


class AttemptRow(TypedDict):
    """A row of `taskbell.attempts`."""

    task_id: UUID
    run: int
    attempt: int
    status: str
    worker: UUID | None
    worker_name: str | None
    started_at: datetime | None
    finished_at: datetime | None
    error: dict[str, Any] | None
    traceback: str | None


class QueueRow(TypedDict):
    """A row of `taskbell.queues`."""

    name: str
    exclusive: bool
    concurrency: int
    max_depth: int | None
    max_attempts: int | None
    timeout: timedelta | None
    keep_succeeded: timedelta | None
    keep_failed: timedelta | None
    paused: bool
    paused_at: datetime | None
    paused_by: str | None
    holder: UUID | None
    holder_name: str | None
    held_since: datetime | None
    holder_renewed_at: datetime | None
    created_at: datetime


class StatsRow(TypedDict):
    """A row of `taskbell.stats`; waits, runs and ages in seconds."""

    queue: str
    queued: int
    due: int
    scheduled: int
    running: int
    oldest_due_seconds: float | None
    succeeded_per_minute: float
    failed_per_minute: float
    wait_p50: float | None
    wait_p99: float | None
    run_p50: float | None
    run_p99: float | None


class WorkerRow(TypedDict):
    """A row of `taskbell.workers`; `queues` None: all."""

    id: UUID
    name: str
    pid: int
    version: str
    queues: list[str] | None
    tasks: list[str]
    started_at: datetime
    beat_at: datetime
    alive: bool
    listening: bool
    lock: str
    stopping: bool


class TaskTypeRow(TypedDict):
    """A row of `taskbell.task_types`."""

    name: str
    description: str | None
    schema: dict[str, Any]
    queue: str | None
    max_attempts: int | None
    timeout: timedelta | None
    registered_at: datetime
    seen_at: datetime
    known: bool


class HealthRow(TypedDict):
    """The row of `taskbell.health`."""

    workers_alive: int
    workers_listening: int
    lock_lost: int
    oldest_transaction_seconds: float | None
    dead_tuples_live: int | None
    notification_queue_usage: float
    paused: bool
    installation: UUID
    server_version: str
    stale_calls: int
    lost_claims: int
    unrung: int


class Claim(NamedTuple):
    """A task that a worker may run now; `token` fences it, `payload` is JSON text, `timeout` in seconds."""

    id: str
    token: str
    task: str
    payload: str
    attempt: int
    max_attempts: int
    timeout: float
    priority: int
    run_at: datetime
    created_at: datetime


class QueueState(NamedTuple):
    """What a poll tells of one queue; `next_due_in` in seconds of the database's clock."""

    queue: str
    exclusive: bool
    concurrency: int
    paused: bool
    holder: UUID | None
    free: bool
    due: bool
    next_due: datetime | None
    next_due_in: float | None
    turn: int  # whose lock to take first: each of those who enqueue once, then each again
    clock: float  # the database's time, in seconds since 1970
    walked_to: str | None  # where the walk over all names goes on; None: it has seen the last one


class Beat(NamedTuple):
    """The answer to a heartbeat: `known` False: register again; queues still held; tasks asked to stop."""

    known: bool
    held: list[str]
    cancel: list[str]
