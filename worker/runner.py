"""Runs one claimed task, and tells the reporter how it ended."""

import asyncio
import logging
from collections.abc import Mapping
from contextvars import Context as Variables
from contextvars import copy_context
from time import monotonic
from typing import Any, Protocol

from db import logs
from worker.context import Context, Enqueue
from worker.drive import drive
from worker.outcome import Failure, failure_of
from worker.registry import TaskType
from worker.results import to_json
from worker.run import Run, Stop
from worker.threads import Threads

log = logging.getLogger(__name__)


class Reporter(Protocol):
    """Where outcomes go."""

    def succeeded(self, run: Run, result: str) -> None:
        """Take a result, as JSON text."""

    def failed(self, run: Run, failure: Failure) -> None:
        """Take a failure."""

    def interrupted(self, run: Run, reason: str) -> None:
        """Take a run that its worker had to break off: back to the queue, free of charge."""

    def progressed(self, run: Run) -> None:
        """Take note that a run has progress to tell."""


class Abandoned(Exception):  # noqa: N818 - what became of the run
    """The task was asked to stop and did not within the grace period."""


class Runner:
    """Runs tasks of the types it knows."""

    def __init__(self, types: Mapping[str, TaskType], reporter: Reporter, enqueue: Enqueue) -> None:
        self._types = types
        self._reporter = reporter
        self._enqueue = enqueue
        self._loop = asyncio.get_running_loop()
        self._threads = Threads(self._loop)
        self._base = copy_context()  # of the worker itself, no run's

    async def run(self, run: Run) -> None:
        """Run one task to its end, whatever that is, and report it."""
        context = None
        try:
            kind = self._types[run.task]
            arguments = kind.payload.arguments(run.payload)
            variables = self._base.copy()
            variables.run(logs.mark, run.id, run.task, run.attempt)
            if kind.payload.wants_context:
                context = Context(run, self._loop, self._reporter.progressed, self._enqueue)
            result = await self._call(kind, run, variables, context, arguments)
            if run.settled:
                return
            if run.stop is not None and (run.stop == "timeout" or (context is not None and context.saw_stop)):
                self._stopped(run, None)
            else:
                self._reporter.succeeded(run, to_json(result))
        except BaseException as error:  # noqa: BLE001 - the edge: whatever people's code raises ends its own run alone
            if run.settled:
                return
            if run.stop is not None and (run.stop == "timeout" or _is_stop(error)):
                self._stopped(run, error)
            else:
                failure = failure_of(error)
                log.info("%s failed: %s: %s", run, failure.type, failure.message)
                self._reporter.failed(run, failure)

    async def _call(
        self, kind: TaskType, run: Run, variables: Variables, context: Context | None, arguments: dict[str, Any]
    ) -> Any:
        first = () if context is None else (context,)
        if kind.is_async:
            try:
                return await drive(run, variables.run(kind.function, *first, **arguments), variables)
            finally:
                # Forget the cancellations that we asked of this run: the asyncio task goes on with the next one.
                while run.stop is not None and run.slot is not None and run.slot.uncancel() > 0:
                    pass
        run.on_thread = True
        run.future = self._threads.submit(variables, kind.function, *first, **arguments)
        return await run.future

    def _stopped(self, run: Run, error: BaseException | None) -> None:
        """Report a run that ended because it was asked to."""
        abandoned = "; it did not stop when asked, and was abandoned" if isinstance(error, Abandoned) else ""
        if run.stop == "timeout":
            message = f"ran longer than its timeout of {run.timeout:g} s{abandoned}"
            log.warning("%s %s", run, message)
            self._reporter.failed(run, Failure("retry", "Timeout", message))
        elif run.stop == "cancel":
            log.info("%s cancelled%s", run, abandoned)
            self._reporter.failed(run, Failure("cancel", "Cancelled", f"cancelled{abandoned}"))
        else:
            reason = "its worker lost the right to run it" if run.stop == "lost" else "its worker stopped"
            log.warning("%s interrupted: %s%s", run, reason, abandoned)
            self._reporter.interrupted(run, reason + abandoned)

    def give_up(self, run: Run) -> None:
        """Abandon a run that does not stop; its thread or coroutine may go on, and counts for nothing."""
        run.abandoned = True
        self._stopped(run, Abandoned())  # at once: a worker that leaves waits for what is to be told
        if run.future is not None and not run.future.done():
            run.future.set_exception(Abandoned())


def ask_to_stop(run: Run, reason: Stop) -> None:
    """Ask a run to stop, unless it was asked: cancels a coroutine; a thread sees it in `ctx.cancelled`."""
    run.lost |= reason == "lost"
    if run.stop is not None:
        return
    run.stop, run.asked_at = reason, monotonic()
    if run.slot is not None and not run.on_thread:
        run.slot.cancel()


def _is_stop(error: BaseException) -> bool:
    return isinstance(error, (asyncio.CancelledError, Abandoned))
