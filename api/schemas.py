"""What requests may hold and what answers look like: the models behind the checks and behind the OpenAPI."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

TaskName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,128}$")]
QueueName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,64}$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Status = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Seconds = Annotated[float, Field(ge=1, le=604_800, allow_inf_nan=False)]
Kept = Annotated[float, Field(ge=0, le=3_155_760_000, allow_inf_nan=False)]

MAX_BATCH = 10_000  # tasks
LAST_YEAR = 9998


def _text(value: object) -> object:
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a text like 2030-01-01T08:00:00Z")
    return value


def _within_time(value: datetime) -> datetime:
    try:
        in_utc = value.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time after the year 0 and before the year 9999") from None
    if in_utc.year > LAST_YEAR:
        raise ValueError("must be before the year 9999")
    return in_utc


Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_text), AfterValidator(_within_time)]
TASK_EXAMPLE = {"task": "wordcount", "payload": {"text": "to be or not to be"}}


class Strict(BaseModel):
    """A body whose unknown keys are errors, not typos that do nothing, and whose numbers are numbers."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewTask(Strict):
    """A task to enqueue. What is left out comes from the task's registered defaults, then from its queue's."""

    task: TaskName = Field(description="Name of a task that some worker knows; see /api/task-types.")
    payload: dict[str, Any] = Field({}, description="The task's arguments, at most 1 MiB and 64 levels deep.")
    queue: QueueName | None = Field(None, description="Queue to put it into.")
    priority: int | None = Field(None, ge=-100, le=100, description="Higher runs first.")
    run_at: Moment | None = Field(None, description="Not before this time, with its offset from UTC; now if left out.")
    max_attempts: int | None = Field(None, ge=1, le=100, description="How often it may begin.")
    timeout: Seconds | None = Field(None, description="Seconds one attempt may take.")


class BatchTask(NewTask):
    """One task of a batch."""

    idempotency_key: Key | None = Field(None, description="A repeat under the same key makes no second task.")


class QueueChange(Strict):
    """What to change about a queue; what is left out or null stays."""

    exclusive: bool | None = Field(None, description="One worker at a time.")
    concurrency: int | None = Field(None, ge=1, le=1_000, description="Tasks at once in one worker.")
    max_depth: int | None = Field(None, ge=0, le=2_147_483_647, description="Most tasks waiting; 0: no limit.")
    max_attempts: int | None = Field(None, ge=1, le=100, description="For tasks that don't say.")
    timeout: Seconds | None = Field(None, description="Seconds, for tasks that don't say.")
    keep_succeeded: Kept | None = Field(None, description="Seconds for which succeeded and cancelled tasks are kept.")
    keep_failed: Kept | None = Field(None, description="Seconds for which failed tasks are kept.")


class CancelRequest(Strict):
    """Why to cancel."""

    reason: str | None = Field(None, max_length=1000, description="Kept with the task.")


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
