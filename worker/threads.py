"""Daemon threads for plain functions: as many as run at once, and one that never ends holds up nobody's exit.

`concurrent.futures` joins its threads when the interpreter exits, so a task that was abandoned would keep a stopped
worker alive.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextvars import Context
from queue import SimpleQueue
from typing import Any

Call = tuple[asyncio.Future[Any], Context, Callable[..., Any], tuple[Any, ...], dict[str, Any]]
Outcome = tuple[asyncio.Future[Any], Any, BaseException | None]


class Threads:
    """Runs functions in threads for one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self._outcomes: deque[Outcome] = deque()
        self._started = 0
        self._busy = 0  # calls handed over whose outcome has not come back; abandoned ones stay busy
        self._rung = False

    def submit(
        self, context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> asyncio.Future[Any]:
        """Run a function in a thread, in `context`; the future has what came of it."""
        future: asyncio.Future[Any] = self._loop.create_future()
        self._busy += 1
        if self._busy > self._started:
            self._started += 1
            threading.Thread(target=self._serve, name=f"task-{self._started}", daemon=True).start()
        self._calls.put((future, context, function, args, kwargs))
        return future

    def _serve(self) -> None:
        while True:
            future, context, function, args, kwargs = self._calls.get()
            try:
                outcome: Outcome = (future, context.run(function, *args, **kwargs), None)
            except BaseException as error:  # noqa: BLE001 - sys.exit() in a task ends that task alone
                outcome = (future, None, error)
            self._outcomes.append(outcome)
            del future, context, function, args, kwargs, outcome
            if not self._rung:  # one ring brings home all that has come in until it is heard
                self._rung = True
                try:
                    self._loop.call_soon_threadsafe(self._bring_home)
                except RuntimeError:
                    return  # the loop is closed: the process is ending

    def _bring_home(self) -> None:
        self._rung = False
        while self._outcomes:
            future, result, error = self._outcomes.popleft()
            self._busy -= 1
            if future.done():
                continue  # abandoned meanwhile
            if error is None:
                future.set_result(result)
            elif isinstance(error, StopIteration):  # a future can't hold it
                future.set_exception(RuntimeError(f"the task raised StopIteration: {error}"))
            else:
                future.set_exception(error)
