"""What readers may see: tasks, attempts, queues, figures, workers, health."""

from collections.abc import Mapping
from typing import Any, LiteralString, cast
from uuid import UUID

from db.call import Caller
from db.client.arguments import from_json
from db.models import AttemptRow, HealthRow, QueueRow, StatsRow, Status, TaskRow, TaskTypeRow, WorkerRow

# A literal, not a parameter: only so may the planner use the partial index of tasks that ended badly.
OF_STATUS: dict[str, LiteralString] = {
    "queued": " and t.status = 'queued'",
    "running": " and t.status = 'running'",
    "succeeded": " and t.status = 'succeeded'",
    "failed": " and t.status = 'failed' and t.status <> 'succeeded'",
    "cancelled": " and t.status = 'cancelled' and t.status <> 'succeeded'",
}
# A scalar subquery a row: index look-ups whatever the planner thinks of the array's length.
CHANGED = """
    select known.id, taskbell.get(known.id)::text
    from unnest(%s::uuid[], %s::integer[]) as known (id, seq)
    where coalesce((select t.seq from taskbell.tasks as t where t.id = known.id) > known.seq, true)"""
PAGE_OF_JSON: LiteralString = "select page.enqueued_by, taskbell.get(page.id)::text from ("


class Views(Caller):
    """The views, row by row."""

    async def list_tasks(
        self,
        *,
        status: Status | None = None,
        queue: str | None = None,
        task: str | None = None,
        enqueued_by: str | None = None,
        limit: int = 100,
        before_id: UUID | str | None = None,
    ) -> list[TaskRow]:
        """Return tasks, newest first; `before_id` is the last one of the page before."""
        page: LiteralString = "select t.id, t.enqueued_by from taskbell.tasks as t where true"
        arguments: list[Any] = []
        if status is not None:
            page += OF_STATUS[status]
        conditions: list[tuple[LiteralString, Any]] = [
            (" and t.queue = %s", queue),
            (" and t.task = %s", task),
            (" and t.enqueued_by = %s", enqueued_by),
            (" and t.id < %s", before_id),
        ]
        for condition, value in conditions:
            if value is not None:
                page += condition
                arguments.append(value)
        rows = await self._rows(PAGE_OF_JSON + page + " order by t.id desc limit %s) as page", *arguments, limit)
        return [TaskRow(from_json(text), by) for by, text in rows if text is not None]

    async def get_changed(self, known: Mapping[UUID, int]) -> dict[UUID, dict[str, Any] | None]:
        """Return, of the tasks `known` by their seq, those with a higher one by now; None: there is no such task."""
        rows = await self._rows(CHANGED, list(known), list(known.values()))
        return {id_: from_json(text) if text is not None else None for id_, text in rows}

    async def attempts(self, id: UUID | str) -> list[AttemptRow]:  # noqa: A002 - the contract's name
        """Return each attempt of a task that began, in order. For operators."""
        rows = await self._dicts("select * from taskbell.attempts where task_id = %s order by run", id)
        return cast("list[AttemptRow]", rows)

    async def why(self, id: UUID | str) -> str:  # noqa: A002 - as in SQL
        """Return in words why a task is not running, or what it does. `TaskNotFound`."""
        words: str = await self._value("select taskbell.why(%s)", id)
        return words

    async def queues(self) -> list[QueueRow]:
        """Return the queues with their settings and holders, by name."""
        return cast("list[QueueRow]", await self._dicts("select * from taskbell.queues order by name"))

    async def stats(self) -> list[StatsRow]:
        """Return the figures of each queue. Reads every live row: for monitors, not for loops."""
        return cast("list[StatsRow]", await self._dicts("select * from taskbell.stats order by queue"))

    async def workers(self) -> list[WorkerRow]:
        """Return the workers, the latest first."""
        return cast("list[WorkerRow]", await self._dicts("select * from taskbell.workers order by started_at desc"))

    async def task_types(self) -> list[TaskTypeRow]:
        """Return the tasks that workers have registered, by name."""
        return cast("list[TaskTypeRow]", await self._dicts("select * from taskbell.task_types order by name"))

    async def health(self) -> HealthRow:
        """Return the one row on the installation's health."""
        return cast("HealthRow", (await self._dicts("select * from taskbell.health"))[0])
