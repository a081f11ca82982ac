"""The functions for Taskbell's own worker as typed coroutines; each is fenced, none waits for somebody else's row."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from db.call import Caller
from db.client.arguments import to_json
from db.models import Beat, Claim, QueueState, Refusal

CLAIM = (
    "select id::text, token::text, task, payload, attempt, max_attempts, timeout, priority, run_at, created_at"
    " from taskbell.claim(%s::uuid, %s, %s::text[], %s, %s::integer, %s::timestamptz, %s::uuid)"
)
POLL = (
    "select queue, exclusive, concurrency, paused, holder, free, due, next_due, next_due_in, turn, clock, walked_to"
    " from taskbell.poll(%s::uuid, %s::text[], %s::float8, %s)"
)
COMPLETE = (
    "select id::text, refusal from"
    " taskbell.complete(%s::uuid[], %s::uuid[], %s::float8[], %s::jsonb, %s::float8[], %s::float8)"
)


class WorkerClient(Caller):
    """What a worker does. Reports return only what was refused: {task id: "stale" or "busy"}, normally nothing."""

    async def register(
        self,
        worker: UUID,
        name: str,
        pid: int,
        version: str,
        queues: Sequence[str] | None,
        types: Sequence[dict[str, Any]],
    ) -> UUID:
        """Make the worker and the tasks it can run known; return the installation's id. `queues` None: all.

        types: {"name", "description", "schema", "queue", "max_attempts", "timeout" (seconds)}. May be repeated.
        """
        served = None if queues is None else list(queues)
        installation: UUID = await self._value(
            "select taskbell.register(%s::uuid, %s, %s::integer, %s, %s::text[], %s::jsonb)",
            worker, name, pid, version, served, to_json(types),
        )  # fmt: skip
        return installation

    async def deregister(self, worker: UUID) -> None:
        """Say goodbye, after all was completed or released; a waiting worker takes over at once."""
        await self._value("select taskbell.deregister(%s::uuid)", worker)

    async def heartbeat(
        self, worker: UUID, queues: Sequence[str], *, listening: bool, lock: str, stopping: bool = False
    ) -> Beat:
        """Say "I live, and these exclusive queues are mine"; `lock`: redis, postgres, lost or none."""
        answer: dict[str, Any] = await self._value(
            "select taskbell.heartbeat(%s::uuid, %s::text[], %s::boolean, %s, %s::boolean)",
            worker, list(queues), listening, lock, stopping,
        )  # fmt: skip
        return Beat(answer["known"], answer["held"], answer["cancel"])

    async def poll(
        self, worker: UUID, named: Sequence[str] = (), since: float | None = None, walk_after: str | None = ""
    ) -> list[QueueState]:
        """Ask what there is to do, rescuing on the way: in all queues, or where there are very many in a part of them.

        That part: behind the name `walk_after` (None: none), the queues `named`, and those with tasks made `since`.
        """
        return [QueueState(*row) for row in await self._rows(POLL, worker, list(named), since, walk_after)]

    async def hold(self, worker: UUID, queue: str) -> bool:
        """Try to become the one worker of an exclusive queue; never waits."""
        held: bool = await self._value("select taskbell.hold(%s::uuid, %s)", worker, queue)
        return held

    async def unhold(self, worker: UUID, queue: str) -> None:
        """Give an exclusive queue up."""
        await self._value("select taskbell.unhold(%s::uuid, %s)", worker, queue)

    async def claim(
        self, worker: UUID, queue: str, tasks: Sequence[str], batch: int, after: Claim | None = None
    ) -> list[Claim]:
        """Claim up to `batch` due tasks of these names, in the order in which to run them.

        `after`: a busy loop's low-water mark, from where to look (None: from the start).
        """
        mark = (after.priority, after.run_at, after.id) if after else (None, None, None)
        return [Claim(*row) for row in await self._rows(CLAIM, worker, queue, list(tasks), batch, *mark)]

    async def complete(
        self,
        ids: Sequence[str],
        tokens: Sequence[str],
        ages: Sequence[float],
        results: Sequence[str],
        ends: Sequence[float] | None = None,
        sent: float | None = None,
    ) -> dict[str, Refusal]:
        """Report runs that succeeded, by position; `results` as JSON texts.

        `ages`, `ends`: seconds since each began and ended, counted from `sent` (the database's time; None: now).
        """
        gone = None if ends is None else array(ends)
        return await self._refusals(
            COMPLETE, array(ids), array(tokens), array(ages), f"[{','.join(results)}]", gone, sent
        )

    async def fail(self, failures: Sequence[dict[str, Any]]) -> dict[str, Refusal]:
        """Report runs that did not: {"id", "token", "age", "gone", "sent", "outcome", "error", "traceback", "after"}.

        outcome: retry, fail or cancel; after: seconds until the retry (None: the usual back-off).
        """
        return await self._refusals("select id::text, refusal from taskbell.fail(%s::jsonb)", to_json(failures))

    async def release(
        self, ids: Sequence[str], tokens: Sequence[str], *, begun: bool = False, reason: str | None = None
    ) -> dict[str, Refusal]:
        """Give claims back, free of charge; `begun`: interrupted, which the history tells with the reason."""
        return await self._refusals(
            "select id::text, refusal from taskbell.release(%s::uuid[], %s::uuid[], %s::boolean, %s)",
            array(ids), array(tokens), begun, reason,
        )  # fmt: skip

    async def reconcile(self, worker: UUID, tokens: Sequence[str]) -> int:
        """Give back every claim of this worker but those named, whose answer was lost on the way; return how many."""
        count: int = await self._value("select taskbell.reconcile(%s::uuid, %s::uuid[])", worker, array(tokens))
        return count

    async def progress(self, items: Sequence[dict[str, Any]]) -> dict[str, Refusal]:
        """Report how far runs are: {"id", "token", "age", "fraction", "note"}; neither of the two: it has begun."""
        return await self._refusals("select id::text, refusal from taskbell.progress(%s::jsonb)", to_json(items))

    async def rescue(self) -> int:
        """Take back what workers that stopped answering had claimed; return how many. Every poll does it too."""
        count: int = await self._value("select taskbell.rescue()")
        return count

    async def prune_expired(self, batch: int = 10_000) -> int:
        """Do the minute's upkeep; return how many tasks it deleted: again at once if that was a full batch."""
        count: int = await self._value("select taskbell.prune_expired(%s)", batch)
        return count

    async def _refusals(self, query: Any, *arguments: Any) -> dict[str, Refusal]:
        return dict(await self._rows(query, *arguments))


def array(items: Iterable[str] | Iterable[float]) -> str:
    """Return an array as Postgres reads it: a third of the time that the driver takes for a list of so many."""
    return f"{{{','.join(map(str, items))}}}"
