"""What answers look like: the models behind the OpenAPI. Answers themselves are made from rows, not from these."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from api.schemas import Status


class Progress(BaseModel):
    """How far a task has come."""

    fraction: float | None = None
    note: str | None = None


class TaskError(BaseModel):
    """Why a task failed."""

    type: str
    message: str


class Task(BaseModel):
    """A task, the same in SQL, HTTP, events and websocket. `seq` grows with every change."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    task: str
    queue: str
    status: Status
    seq: int
    priority: int
    payload: dict[str, Any]
    progress: Progress | None
    result: Any
    error: TaskError | None
    attempt: int
    max_attempts: int
    run_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    token: str | None = Field(None, description="For X-Task-Token: lets see (and cancel) this one task.")


class TaskList(BaseModel):
    """A page of tasks, newest first; the next page's address stands in the Link header."""

    tasks: list[Task]


class BatchEntry(BaseModel):
    """One task of a batch, in the order sent."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    created: bool = Field(description="False: its idempotency key already had this task.")


class BatchResult(BaseModel):
    """All tasks of a batch."""

    tasks: list[BatchEntry]


class Ticket(BaseModel):
    """What the short door hands out."""

    id: str = Field(json_schema_extra={"format": "uuid"})
    token: str


class Attempt(BaseModel):
    """One begun run of a task."""

    model_config = ConfigDict(extra="allow")

    run: int = Field(description="1, 2, … over the task's whole life.")
    attempt: int = Field(description="As counted against max_attempts.")
    status: str
    worker: str | None = None
    worker_name: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    error: TaskError | None = None
    traceback: str | None = None


class AttemptList(BaseModel):
    """A task's attempts, oldest first."""

    attempts: list[Attempt]


class Queue(BaseModel):
    """A queue: its settings and, where it has any, its figures."""

    model_config = ConfigDict(extra="allow")

    name: str
    exclusive: bool
    concurrency: int
    paused: bool


class QueueList(BaseModel):
    """All queues."""

    queues: list[Queue]


class TaskType(BaseModel):
    """A task that workers know."""

    name: str
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema", description="JSON Schema of its payload.")
    queue: str | None = None
    max_attempts: int | None = None
    timeout: float | None = Field(None, description="Seconds.")
    known: bool | None = Field(None, description="A worker that is alive knows it.")


class TaskTypeList(BaseModel):
    """Task types, by name."""

    task_types: list[TaskType]


class ProblemBody(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str | None = Field(None, description="SQLSTATE, where the database's rules refused.")
    errors: list[dict[str, str]] | None = Field(None, description="Each wrong place.")
