"""Tasks as resources: batch, list, one, its attempts, cancel, retry."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.access import open_task
from api.answers import FINISHED, answer, task_address
from api.auth import ENQUEUE, SEE_ALL, Caller, role
from api.errors import Problem, of_validation
from api.json_body import read_json, read_optional_json
from api.openapi import body_of, problems
from api.prefer import applied, wanted_wait
from api.routes.new_task import validated, wait_for
from api.schemas import MAX_BATCH, TASK_EXAMPLE, BatchTask, CancelRequest, QueueName, Status, TaskName
from api.shapes import AttemptList, BatchResult, Task, TaskList
from api.submit import as_batch_item, check_known
from api.tokens import Scope, sign

if TYPE_CHECKING:
    from db.client import Client

router = APIRouter(prefix="/api/tasks", tags=["tasks"])
batch_of = TypeAdapter(list[BatchTask])

TaskId = Annotated[str, Path(description="The task's id.", json_schema_extra={"format": "uuid"})]
PAGE = 50  # tasks a page, if the client does not say
MAX_PAGE = 200


@router.post(
    "/batch",
    status_code=202,
    response_model=BatchResult,
    responses=problems(401, 403, 413, 415, 422, 429, 503),
    openapi_extra=body_of(
        batch_of.json_schema(ref_template="#/components/schemas/{model}"), [TASK_EXAMPLE, TASK_EXAMPLE]
    ),
)
async def create_batch(request: Request, caller: Annotated[Caller, Depends(role(*ENQUEUE))]) -> Response:
    """Enqueue up to 10,000 tasks, all or none of them. For keys of producers and operators."""
    body = await read_json(request)
    if isinstance(body, list) and len(body) > MAX_BATCH:
        raise Problem(422, f"A batch holds at most {MAX_BATCH} tasks; this one has {len(body)}.")
    try:
        batch = batch_of.validate_python(body)
    except ValidationError as error:
        raise of_validation(error.errors(include_url=False, include_context=False, include_input=False)) from None
    first_use = {new.task: position for position, new in reversed(list(enumerate(batch)))}
    for name, position in first_use.items():
        await check_known(request, name, f"/{position}/task")
    client: Client = request.app.state.client
    made = await client.enqueue_many([as_batch_item(caller, new) for new in batch], caller.actor)
    return answer({"tasks": [{"id": str(task_id), "created": created} for _, task_id, created in made]}, 202)


@router.get("", response_model=TaskList, responses=problems(401, 403, 422, 503))
async def list_tasks(
    request: Request,
    caller: Annotated[Caller, Depends(role(*SEE_ALL, "producer"))],
    status: Annotated[Status | None, Query(description="Only tasks in this state.")] = None,
    queue: Annotated[QueueName | None, Query(description="Only this queue's.")] = None,
    task: Annotated[TaskName | None, Query(description="Only tasks of this name.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Tasks a page.")] = PAGE,
    cursor: Annotated[str | None, Query(max_length=64, description="Where the page before ended; see Link.")] = None,
) -> Response:
    """List tasks, newest first: a producer's key its own, a reader's or an operator's all. `Link` has the next page."""
    client: Client = request.app.state.client
    rows = await client.list_tasks(
        status=status,
        queue=queue,
        task=task,
        enqueued_by=None if caller.role in SEE_ALL else caller.actor,
        limit=limit + 1,
        before_id=_decode(cursor) if cursor else None,
    )
    page = [row.json for row in rows[:limit]]
    headers = {}
    if len(rows) > limit:
        same = {"status": status, "queue": queue, "task": task, "limit": limit, "cursor": _encode(page[-1]["id"])}
        query = urlencode({name: value for name, value in same.items() if value is not None})
        headers["Link"] = f'</api/tasks?{query}>; rel="next"'
    scope: Scope = "view" if caller.role == "reader" else "owner"
    return answer({"tasks": [{**shown, "token": sign(shown["id"], scope)} for shown in page]}, headers=headers)


@router.get("/{id}", response_model=Task, responses=problems(401, 403, 404, 503))
async def get_task(request: Request, id: TaskId) -> Response:  # noqa: A002 - the contract's name
    """Return the task; with `Prefer: wait=N` when it has finished or N seconds (at most 60) are over."""
    opened = await open_task(request, id)
    wait = wanted_wait(request)
    if wait is None:
        return answer(opened.answer())
    return answer(opened.answer(await wait_for(request, opened.row.json, wait)), headers=applied(wait))


@router.get("/{id}/attempts", response_model=AttemptList, responses=problems(401, 403, 404, 503))
async def get_attempts(request: Request, id: TaskId) -> Response:  # noqa: A002 - as in SQL
    """Return each attempt that began, with its error and traceback. For operators' keys."""
    opened = await open_task(request, id, "attempts")
    client: Client = request.app.state.client
    return answer({"attempts": [dict(attempt) for attempt in await client.attempts(opened.id)]})


@router.post(
    "/{id}/cancel",
    response_model=Task,
    responses={
        202: {"model": Task, "description": "It runs, and was asked to stop."},
        **problems(401, 403, 404, 409, 413, 415, 422, 503),
    },
    openapi_extra=body_of(CancelRequest.model_json_schema(), {"reason": "no longer needed"}, required=False),
)
async def cancel_task(request: Request, id: TaskId) -> Response:  # noqa: A002 - as in SQL
    """Cancel a queued task at once (200), or ask a running one to stop (202). 409 when it has already ended."""
    opened = await open_task(request, id, "cancel")
    reason = validated(CancelRequest, await read_optional_json(request)).reason
    client: Client = request.app.state.client
    status = await client.cancel(opened.id, reason=reason, actor=opened.caller.actor)
    return answer(opened.answer(await _now(client, opened.id, opened.row.json)), 200 if status in FINISHED else 202)


@router.post("/{id}/retry", response_model=Task, responses=problems(401, 403, 404, 409, 503))
async def retry_task(request: Request, id: TaskId) -> Response:  # noqa: A002 - as in SQL
    """Put a finished task back into its queue, its attempts counted from 0 again. For operators' keys."""
    opened = await open_task(request, id, "retry")
    client: Client = request.app.state.client
    await client.retry(opened.id, actor=opened.caller.actor)
    return answer(opened.answer(await _now(client, opened.id, opened.row.json)), headers=task_address(id))


async def _now(client: "Client", task_id: UUID, before: dict[str, Any]) -> dict[str, Any]:
    row = await client.get(task_id)
    return row.json if row else before


def _encode(task_id: str) -> str:
    return urlsafe_b64encode(UUID(task_id).bytes).rstrip(b"=").decode()


def _decode(cursor: str) -> UUID:
    try:
        return UUID(bytes=urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        detail = "This is not a cursor of ours; take it from the Link header of the page before."
        raise Problem(422, detail, errors=[{"detail": detail, "parameter": "cursor"}]) from None
