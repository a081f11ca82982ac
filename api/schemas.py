"""What requests may hold: the models behind the checks and behind the OpenAPI. Answers stand in api/shapes.py."""

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
