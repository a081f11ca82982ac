"""Queues: their settings and figures, pause and resume."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer
from api.auth import SEE_ALL, STEER, Caller, role
from api.errors import Problem
from api.json_body import read_json
from api.openapi import body_of, problems
from api.plain import plain
from api.routes.new_task import validated
from api.schemas import QueueChange, QueueName
from api.shapes import Queue, QueueList

if TYPE_CHECKING:
    from db.client import Client

router = APIRouter(prefix="/api/queues", tags=["queues"])

Operator = Annotated[Caller, Depends(role(*STEER))]
Name = Annotated[QueueName, Path(description="The queue's name.")]


@router.get("", response_model=QueueList, responses=problems(401, 403, 503), dependencies=[Depends(role(*SEE_ALL))])
async def list_queues(request: Request) -> Response:
    """List the queues with their settings and figures. For keys of readers and operators."""
    return answer({"queues": await _queues(request)})


@router.patch(
    "/{name}",
    response_model=Queue,
    responses=problems(401, 403, 413, 415, 422, 503),
    openapi_extra=body_of(QueueChange.model_json_schema(), {"exclusive": False, "concurrency": 10}),
)
async def change_queue(request: Request, caller: Operator, name: Name) -> Response:
    """Change a queue's settings, making the queue if there is none. For operators' keys."""
    change = validated(QueueChange, await read_json(request))
    client: Client = request.app.state.client
    await client.configure(name, **change.model_dump(exclude_none=True), actor=caller.actor)
    return answer(await _queue(request, name))


@router.post("/{name}/pause", response_model=Queue, responses=problems(401, 403, 404, 422, 503))
async def pause_queue(request: Request, caller: Operator, name: Name) -> Response:
    """Let workers claim nothing more from this queue; what runs goes on. For operators' keys."""
    client: Client = request.app.state.client
    await client.pause(name, actor=caller.actor)
    return answer(await _queue(request, name))


@router.post("/{name}/resume", response_model=Queue, responses=problems(401, 403, 404, 422, 503))
async def resume_queue(request: Request, caller: Operator, name: Name) -> Response:
    """End a pause. For operators' keys."""
    client: Client = request.app.state.client
    await client.resume(name, actor=caller.actor)
    return answer(await _queue(request, name))


async def _queues(request: Request) -> list[dict[str, Any]]:
    client: Client = request.app.state.client
    figures = {row["queue"]: dict(row) for row in await client.stats()}
    queues = [dict(row) for row in await client.queues()]
    return [plain({**figures.get(str(queue["name"]), {}), **queue}, leave_out={"queue"}) for queue in queues]


async def _queue(request: Request, name: str) -> dict[str, Any]:
    found = next((queue for queue in await _queues(request) if queue["name"] == name), None)
    if found is None:
        raise Problem(404, f"There is no queue {name}.", code="TB001")
    return found
