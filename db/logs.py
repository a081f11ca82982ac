"""Log lines as text or JSON; every line logged inside a task carries its id, name and attempt."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID


class RunningTask(NamedTuple):
    """The task that the present code runs for."""

    id: UUID | str
    name: str
    attempt: int


_running: ContextVar[RunningTask | None] = ContextVar("taskbell_running_task", default=None)
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "task", "color_message", "taskName"}


def setup(level: str, style: str, *, service: str) -> None:
    """Send all logging to stderr, at `level`, as `text` or `json`; `service` names the process in each line.

    Takes the lines of uvicorn and others over. Safe to call again.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service) if style == "json" else TextFormatter(service))
    handler.addFilter(_add_task)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("uvicorn")]:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").propagate = False  # addresses may hold what is nobody's business
    for name in ("httpx", "httpcore", "asyncio", "watchfiles"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


@contextmanager
def running(task_id: UUID | str, name: str, attempt: int) -> Iterator[None]:
    """Mark every line logged in this context (threads given a copy of it included) with its task."""
    token = _running.set(RunningTask(task_id, name, attempt))
    try:
        yield
    finally:
        _running.reset(token)


def mark(task_id: UUID | str, name: str, attempt: int) -> None:
    """Mark every line logged in the present context from now on: for a context that belongs to one run alone."""
    _running.set(RunningTask(task_id, name, attempt))


class TextFormatter(logging.Formatter):
    """`12:00:01.123 INFO  worker wordcount/1 0199…  the message`, for people."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it where there is one."""
        time = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S.%f")[:-3]
        task = getattr(record, "task", None)
        where = f"{self._service} {task.name}/{task.attempt} {task.id}" if task else self._service
        more = "".join(f" {key}={value}" for key, value in _extra(record).items())
        line = f"{time} {record.levelname:<7} {where}: {record.getMessage()}{more}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the object; what can't be JSON is written as text."""
        task = getattr(record, "task", None)
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if task:
            fields |= {"task_id": str(task.id), "task": task.name, "attempt": task.attempt}
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(_extra(record) | fields, default=str, ensure_ascii=False)


def _add_task(record: logging.LogRecord) -> bool:
    record.task = _running.get()
    return True


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _OWN_FIELDS}
