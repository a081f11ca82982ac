"""The short door: /api/new_task/?task=NAME&any=thing, as simple as a link."""

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer, task_address
from api.auth import identify_strictly
from api.errors import Problem
from api.fit import fit
from api.openapi import IDEMPOTENCY_KEY, problems
from api.routes.new_task import validated
from api.schemas import NewTask
from api.shapes import Ticket
from api.submit import check_known, check_may_enqueue, submit
from api.tokens import sign

if TYPE_CHECKING:
    from api.known import KnownTasks

router = APIRouter(tags=["tasks"])

DEFAULT_TASK = "echo"
REFUSALS = problems(401, 403, 422, 429, 503)
ANYTHING = {
    "name": "payload",
    "in": "query",
    "style": "form",
    "explode": True,
    "description": "Every other parameter is a key of the payload, its text made to fit the task's annotations.",
    "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    "example": {"text": "to be or not to be"},
}


@router.get(
    "/api/new_task/",
    operation_id="new_task_get",
    status_code=202,
    response_model=Ticket,
    responses={200: {"model": Ticket, "description": "This Idempotency-Key had made it before."}, **REFUSALS},
    openapi_extra={"parameters": [ANYTHING, IDEMPOTENCY_KEY]},
)
@router.post(
    "/api/new_task/",
    operation_id="new_task_post",
    status_code=202,
    response_model=Ticket,
    responses={200: {"model": Ticket, "description": "This Idempotency-Key had made it before."}, **REFUSALS},
    openapi_extra={"parameters": [ANYTHING, IDEMPOTENCY_KEY]},
)
async def new_task(
    request: Request,
    task: Annotated[str, Query(description="Name of the task.", examples=["wordcount"])] = DEFAULT_TASK,
) -> Response:
    """Enqueue a task made of the query parameters, and answer its id and token.

    Another site's page may not: what a browser marks as cross-site is refused.
    """
    refuse_cross_site(request)
    caller = identify_strictly(request)
    new = validated(NewTask, {"task": task})
    check_may_enqueue(request, caller, new)
    await check_known(request, task)
    known: KnownTasks = request.app.state.known
    kind = await known.find(task)
    others = [(name, text) for name, text in request.query_params.multi_items() if name != "task"]
    filled = NewTask.model_construct(
        {"task", "payload"}, task=task, payload=fit(others, kind["schema"] if kind else None)
    )
    submitted = await submit(request, caller, filled, len(request.url.query))
    shown = {"id": submitted.task["id"], "token": sign(submitted.task["id"])}
    return answer(shown, 202 if submitted.created else 200, task_address(shown["id"]))


def refuse_cross_site(request: Request) -> None:
    """Refuse what a browser sends for a page or a link of another site: this door needs no preflight."""
    settings = request.app.state.settings
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() in settings.allowed_origins:
        return
    foreign = origin is not None and origin.lower() != f"{_scheme(request)}://{request.headers.get('host', '')}".lower()
    foreign = foreign and origin != settings.public_url
    if foreign or request.headers.get("sec-fetch-site") == "cross-site":
        raise Problem(403, "Another site's page may not use this door; use POST /api/tasks from an allowed origin.")


def _scheme(request: Request) -> str:
    return str(request.app.state.settings.public_url).partition("://")[0]
