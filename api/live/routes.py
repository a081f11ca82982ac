"""The HTTP side of the last mile: server-sent events, and what wsify asks."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from api.access import open_task
from api.errors import Problem
from api.json_body import read_json
from api.live.commands import Refused
from api.live.relay_wsify import Relay
from api.live.sse import EventStream
from api.openapi import body_of, problems

router = APIRouter()

FROM_A_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip")  # headers of a request that came from outside
JOIN = {"command": "join", "args": {"channel": "019ab3c4-0000-7000-8000-000000000000", "token": "o.…"}}
COMMAND = {
    "type": "object",
    "properties": {"command": {"type": "string"}, "args": {"type": ["object", "null"]}},
    "required": ["command"],
}
STREAM: dict[int | str, dict[str, Any]] = {
    200: {"description": "A stream of events.", "content": {"text/event-stream": {}}},
    204: {"description": "`Last-Event-ID` is the task's last state: nothing more will come."},
}
YES: dict[int | str, dict[str, Any]] = {200: {"description": "wsify may do it.", "content": {}}}


@router.get(
    "/api/tasks/{id}/events",
    tags=["tasks"],
    response_class=Response,
    responses=STREAM | problems(401, 403, 404, 503),
)
async def get_events(
    request: Request,
    id: Annotated[str, Path(description="The task's id.", json_schema_extra={"format": "uuid"})],  # noqa: A002 - as in SQL
) -> Response:
    """Stream the task: a snapshot at once, then every change (`id:` is its `seq`), until it has finished."""
    opened = await open_task(request, id)
    return EventStream(request.app.state.watcher, str(opened.id), seen=request.headers.get("last-event-id"))


@router.post(
    "/api/ws/authorize",
    tags=["websocket"],
    response_class=Response,
    responses=YES | problems(403, 404, 413, 415, 422, 503),
    openapi_extra=body_of(COMMAND, JOIN),
)
async def authorize(request: Request) -> Response:
    """Answer wsify's authorizer. For wsify alone: what came through a proxy is refused."""
    relay: Relay | None = getattr(request.app.state, "relay", None)
    if relay is None:
        raise Problem(403, "No wsify is configured here (WSIFY_URL); the hub at /ws answers by itself.")
    if any(name in request.headers for name in FROM_A_PROXY):
        raise Problem(403, "This is for wsify alone, not for requests from outside.")
    said: Any = await read_json(request)
    if not isinstance(said, dict):
        raise Problem(422, "Send an object with command and args.")
    try:
        await relay.authorize(said.get("command"), said.get("args"))
    except Refused as refusal:
        raise Problem(403, f"Refused: {refusal}.") from None
    return Response(status_code=200)
