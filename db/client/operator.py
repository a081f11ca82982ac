"""What operators may do: steer tasks and queues."""

from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from db.call import Caller
from db.client.arguments import interval
from db.models import Status


class Operator(Caller):
    """Retry, reschedule, pause, resume, configure, prune."""

    async def retry(self, id: UUID | str, actor: str | None = None) -> Status:  # noqa: A002 - the contract's name
        """Put a finished task back into its queue, attempts counted from 0 again. `TaskNotFound`, `NotPossible`."""
        status: Status = await self._act("select taskbell.retry(%s)", actor, id)
        return status

    async def reschedule(
        self,
        id: UUID | str,  # noqa: A002 - as in SQL
        run_at: datetime | None = None,
        actor: str | None = None,
    ) -> Status:
        """Move a queued task to another time, by default to now. `TaskNotFound`, `NotPossible`, `BadArgument`."""
        status: Status
        if run_at is None:
            status = await self._act("select taskbell.reschedule(%s)", actor, id)
        else:
            status = await self._act("select taskbell.reschedule(%s, %s::timestamptz)", actor, id, run_at)
        return status

    async def pause(self, queue: str | None = None, actor: str | None = None) -> None:
        """Let workers claim nothing more from this queue, or (None) from any. `TaskNotFound`: no such queue."""
        await self._act("select taskbell.pause(%s)", actor, queue)

    async def resume(self, queue: str | None = None, actor: str | None = None) -> None:
        """End a pause, or (None) all. `TaskNotFound`: there is no such queue."""
        await self._act("select taskbell.resume(%s)", actor, queue)

    async def configure(
        self,
        queue: str,
        *,
        exclusive: bool | None = None,
        concurrency: int | None = None,
        max_depth: int | None = None,
        max_attempts: int | None = None,
        timeout: float | timedelta | None = None,  # noqa: ASYNC109 - the queue's, in seconds
        keep_succeeded: float | timedelta | None = None,
        keep_failed: float | timedelta | None = None,
        actor: str | None = None,
    ) -> dict[str, Any]:
        """Change a queue's settings, making it if need be; None leaves one as it is. Spans in seconds. `BadArgument`.

        Returns the row of `taskbell.queues` as JSON.
        """
        row: dict[str, Any] = await self._act(
            "select taskbell.configure(%s, %s::boolean, %s::integer, %s::integer, %s::integer, %s::interval,"
            " %s::interval, %s::interval)",
            actor,
            queue,
            exclusive,
            concurrency,
            max_depth,
            max_attempts,
            interval(timeout),
            interval(keep_succeeded),
            interval(keep_failed),
        )
        return row

    async def prune(self, older_than: float | timedelta, batch: int = 10_000, actor: str | None = None) -> int:
        """Delete up to `batch` finished tasks that ended longer ago than this; return how many. `BadArgument`."""
        count: int = await self._act("select taskbell.prune(%s::interval, %s)", actor, interval(older_than), batch)
        return count

    async def _act(self, call: LiteralString, actor: str | None, *arguments: Any) -> Any:
        if actor is None:
            return await self._value(call, *arguments)
        return await self._value(call + " from taskbell.act_as(%s)", *arguments, actor)
