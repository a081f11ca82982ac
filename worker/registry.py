"""The tasks this process knows: what `@task` declares."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from worker.payload import Payload

NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
QUEUE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MOST_ATTEMPTS = 100
LONGEST_TIMEOUT = 7 * 24 * 3600.0  # seconds

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class TaskType:
    """A declared task: its function, the payload it takes, and what its tasks default to."""

    name: str
    function: Callable[..., Any]
    queue: str | None = None
    max_attempts: int | None = None
    timeout: float | None = None  # seconds
    payload: Payload = field(init=False)
    is_async: bool = field(init=False)

    def __post_init__(self) -> None:
        _check_bounds(self)
        object.__setattr__(self, "payload", Payload(self.function))
        object.__setattr__(self, "is_async", inspect.iscoroutinefunction(self.function))

    @property
    def origin(self) -> str:
        """Where it was written: module and function."""
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def registration(self) -> dict[str, Any]:
        """Return what the database is told of it."""
        return {
            "name": self.name,
            "description": inspect.getdoc(self.function),
            "schema": self.payload.schema(),
            "queue": self.queue,
            "max_attempts": self.max_attempts,
            "timeout": self.timeout,
        }


_declared: list[TaskType] = []


@overload
def task(function: Function, /) -> Function: ...
@overload
def task(
    name: str | None = None,
    /,
    *,
    queue: str | None = None,
    max_attempts: int | None = None,
    timeout: float | None = None,
) -> Callable[[Function], Function]: ...
def task(
    function_or_name: Callable[..., Any] | str | None = None,
    /,
    *,
    queue: str | None = None,
    max_attempts: int | None = None,
    timeout: float | None = None,
) -> Any:
    """Declare a task: `@task`, or `@task("name", queue=…, max_attempts=…, timeout=<seconds>)`.

    The function's parameters are the keys of the payload, checked against their annotations; a first parameter named
    `ctx` is the run's context. A coroutine runs on the worker's event loop, a plain function in a thread. The function
    itself is given back unchanged. Raises `TypeError` or `ValueError` for what can't be a task.
    """

    def declare(function: Function) -> Function:
        name = function_or_name if isinstance(function_or_name, str) else function.__name__
        try:
            _declared.append(TaskType(name, function, queue, max_attempts, timeout))
        except (TypeError, ValueError) as error:
            raise type(error)(f"task {name!r}: {error}") from None
        return function

    return declare(function_or_name) if callable(function_or_name) else declare


def known_tasks(declared: Iterable[TaskType] | None = None) -> dict[str, TaskType]:
    """Return every declared task by its name. `SystemExit`, in one sentence, when two share one."""
    known: dict[str, TaskType] = {}
    for one in _declared if declared is None else declared:
        other = known.setdefault(one.name, one)
        if other.origin != one.origin:
            raise SystemExit(
                f"the task name {one.name!r} is taken twice, by {other.origin} and by {one.origin}: rename one"
            )
        known[one.name] = one
    return known


def _check_bounds(one: TaskType) -> None:
    if not NAME.fullmatch(one.name):
        raise ValueError("a task's name has 1 to 128 of the characters A-Z a-z 0-9 _ . -")
    if one.queue is not None and not QUEUE.fullmatch(one.queue):
        raise ValueError(f"queue is {one.queue!r}; it has 1 to 64 of the characters A-Z a-z 0-9 _ . -")
    if one.max_attempts is not None and not 1 <= one.max_attempts <= MOST_ATTEMPTS:
        raise ValueError(f"max_attempts is {one.max_attempts}; it goes from 1 to {MOST_ATTEMPTS}")
    if one.timeout is not None and not 1 <= one.timeout <= LONGEST_TIMEOUT:
        raise ValueError(f"timeout is {one.timeout:g} s; it goes from 1 second to 7 days")
