"""What producers may do: enqueue, look at a task, cancel it."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

from db.call import Caller
from db.client.arguments import from_json, seconds, to_json
from db.client.keys import KeyQueue
from db.models import Enqueued, Status, TaskRow
from db.pool import Pool

# FROM runs first, so the actor is named before anything acts. The inner select keeps the function from running once a
# column. get() is volatile and sees what the same statement has just enqueued.
ENQUEUE = """
    select (made.task).position, (made.task).id, (made.task).created
    from (select taskbell.enqueue_many(%s::jsonb) as task from taskbell.act_as(%s)) as made"""
ENQUEUE_AND_GET = """
    select (made.task).created, taskbell.get((made.task).id)::text
    from (select taskbell.enqueue_many(%s::jsonb) as task from taskbell.act_as(%s)) as made"""
# One task alone, the usual case of an idle API, in half the time that a batch of one takes.
ENQUEUE_ONE_AND_GET = """
    select true, taskbell.get(made.id)::text
    from (
        select taskbell.enqueue(
            one.task ->> 'task', coalesce(one.task -> 'payload', '{}'), one.task ->> 'queue',
            timeout => make_interval(secs => (one.task ->> 'timeout')::double precision)
        ) as id
        from taskbell.act_as(%s), (select %s::jsonb -> 0 as task) as one
    ) as made"""
SIMPLE = {"task", "payload", "queue", "timeout"}
ENQUEUE_AS_LOGIN = """
    select (made.task).position, (made.task).id, (made.task).created
    from (select taskbell.enqueue_many(%s::jsonb) as task) as made"""
ENQUEUE_AND_GET_AS_LOGIN = """
    select (made.task).created, taskbell.get((made.task).id)::text
    from (select taskbell.enqueue_many(%s::jsonb) as task) as made"""
GET = """
    select found.enqueued_by, taskbell.get(found.id)::text from taskbell.tasks as found where found.id = %s"""


BRIEFLY = "set_config('lock_timeout', '10ms', true)"


class Producer(Caller):
    """Enqueue, get, cancel."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._keys = KeyQueue()

    async def enqueue(
        self,
        task: str,
        payload: dict[str, Any] | None = None,
        *,
        queue: str | None = None,
        priority: int = 0,
        run_at: datetime | None = None,
        max_attempts: int | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the task's, in seconds
        idempotency_key: str | None = None,
        actor: str | None = None,
    ) -> tuple[dict[str, Any], bool]:
        """Enqueue one task; return it as JSON, and False if its idempotency key had it already.

        `KeyConflict`, `BadArgument`, `QueueFull`, `Busy` (the key is in somebody's open transaction).
        """
        item = {
            "task": task,
            "payload": {} if payload is None else payload,
            "queue": queue,
            "priority": priority,
            "run_at": run_at,
            "max_attempts": max_attempts,
            "timeout": seconds(timeout),
            "idempotency_key": idempotency_key,
        }
        return (await self.enqueue_and_get([item], actor))[0]

    async def enqueue_many(self, tasks: Sequence[dict[str, Any]], actor: str | None = None) -> list[Enqueued]:
        """Enqueue all of them or none, in order; keys as the parameters of `enqueue`."""
        rows = await self._enqueue(ENQUEUE_AS_LOGIN if actor is None else ENQUEUE, tasks, actor)
        return [Enqueued(*row) for row in rows]

    async def enqueue_and_get(
        self, tasks: Sequence[dict[str, Any]], actor: str | None = None
    ) -> list[tuple[dict[str, Any], bool]]:
        """Like `enqueue_many`, but answer each task as JSON, and whether it was created."""
        if actor is not None and len(tasks) == 1 and SIMPLE.issuperset(tasks[0]):
            rows = await self._rows(ENQUEUE_ONE_AND_GET, actor, to_json(tasks))
        else:
            query = ENQUEUE_AND_GET_AS_LOGIN if actor is None else ENQUEUE_AND_GET
            rows = await self._enqueue(query, tasks, actor)
        return [(from_json(text), created) for created, text in rows]

    async def get(self, id: UUID | str) -> TaskRow | None:  # noqa: A002 - the contract's name
        """Return a task, or None if there is none of that id."""
        rows = await self._rows(GET, id)
        if not rows or rows[0][1] is None:
            return None
        enqueued_by, text = rows[0]
        return TaskRow(from_json(text), enqueued_by)

    async def cancel(self, id: UUID | str, reason: str | None = None, actor: str | None = None) -> Status:  # noqa: A002 - as in SQL
        """Cancel a queued task at once (cancelled) or ask a running one to stop (running).

        `TaskNotFound`, `NotPossible`.
        """
        if actor is None:
            status: Status = await self._value("select taskbell.cancel(%s, %s)", id, reason)
        else:
            status = await self._value("select taskbell.cancel(%s, %s) from taskbell.act_as(%s)", id, reason, actor)
        return status

    async def _enqueue(
        self, query: LiteralString, tasks: Sequence[dict[str, Any]], actor: str | None
    ) -> list[tuple[Any, ...]]:
        arguments = [to_json(tasks)] if actor is None else [to_json(tasks), actor]
        if any(task.get("idempotency_key") is not None for task in tasks):
            return await self._keys.run(partial(self._rows, _briefly(query), *arguments))
        return await self._rows(query, *arguments)


def _briefly(query: LiteralString) -> LiteralString:
    """Return this enqueue as one that hardly waits for keys in others' open transactions; `KeyQueue` waits for it."""
    named = query.replace("act_as(%s))", f"act_as(%s), {BRIEFLY})")
    return named if named != query else query.replace("as task)", f"as task from {BRIEFLY})")
