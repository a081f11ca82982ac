"""One watched task, and those who look on."""

import asyncio
from typing import Any
from uuid import UUID

from api.answers import FINISHED
from api.news import News

Task = dict[str, Any]
NEVER = -1  # the seq of a state that nobody has seen


def channel_of(task_id: UUID) -> str:
    """Return the NOTIFY channel of a task, as `taskbell.channel` does."""
    return f"task_{task_id.hex}"


class Changes:
    """What one onlooker has not seen yet: the newest state alone, so a slow one costs nobody anything."""

    __slots__ = ("_ended", "_error", "_newest", "_news", "_seq")

    def __init__(self) -> None:
        self._newest: Task | None = None
        self._seq = NEVER
        self._ended = False
        self._error: Exception | None = None
        self._news = News()

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> Task:
        """Return the next state; ends after the last one, raises what ended the watch before that."""
        await self._news.wait()
        if self._newest is not None:
            task, self._newest = self._newest, None
            if not self._ended:
                self._news.clear()
            return task
        if self._error is not None:
            raise self._error
        raise StopAsyncIteration

    async def first(self) -> None:
        """Wait until there is a state to see. Raises what came instead of one."""
        await self._news.wait()
        if self._newest is None and self._error is not None:
            raise self._error

    @property
    def waits_for_first(self) -> bool:
        """True until there has been something to see."""
        return self._seq == NEVER

    def show(self, task: Task) -> None:
        """Take a state, unless the onlooker has seen it."""
        if task["seq"] > self._seq and not self._ended:
            self._newest, self._seq = task, task["seq"]
            self._news.tell()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes."""
        self._ended = True
        self._error = error
        self._news.tell()


class Watched:
    """A task that somebody watches."""

    __slots__ = ("_seq", "audience", "beginning", "channel", "id", "newcomers", "over")

    def __init__(self, task_id: UUID) -> None:
        self.id = task_id
        self.channel = channel_of(task_id)
        self.audience: set[Changes] = set()
        self.newcomers = True  # some have seen nothing yet: the next read must bring the state, changed or not
        self.over = False  # nobody looks on any more
        self.beginning: asyncio.Task[None] | None = None  # until LISTEN is in force
        self._seq = NEVER

    def begin_read(self) -> int:
        """Return the seq above which a state is news."""
        known = NEVER if self.newcomers else self._seq
        self.newcomers = False
        return known

    def show(self, task: Task) -> bool:
        """Show a state to everybody; False when it was the last."""
        self._seq = max(self._seq, task["seq"])
        for changes in self.audience:
            changes.show(task)
        if task["status"] in FINISHED:
            self.end()
            return False
        return True

    def failed(self, error: Exception) -> None:
        """A read failed: who has seen nothing yet learns why, the others stay for the next try."""
        for changes in self.audience:
            if changes.waits_for_first:
                changes.end(error)

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes, for anybody."""
        for changes in self.audience:
            changes.end(error)
