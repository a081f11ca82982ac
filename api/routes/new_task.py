"""POST /api/tasks: the hot route. A plain Starlette route, since FastAPI's own work costs four times this one's.

Its part of the OpenAPI stands in api/openapi.py; a test keeps the two in step.
"""

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.answers import FINISHED, answer, task_address
from api.auth import identify_strictly
from api.errors import of_validation
from api.json_body import parse_body, read_body
from api.prefer import applied, wanted_wait
from api.schemas import NewTask
from api.submit import submit
from api.tokens import sign
from db.errors import Unavailable

if TYPE_CHECKING:
    from api.watch import Watcher

Model = TypeVar("Model", bound=BaseModel)


async def create_task(request: Request) -> Response:
    """Enqueue a task and answer it with its token, at once or when it has finished."""
    caller = identify_strictly(request)
    body = await read_body(request)
    new = validated(NewTask, await parse_body(request, body))
    submitted = await submit(request, caller, new, len(body))
    task, headers = submitted.task, task_address(submitted.task["id"])
    wait = wanted_wait(request)
    if wait is not None:
        task = await wait_for(request, task, wait)
        headers |= applied(wait)
    known = not submitted.created or (wait is not None and task["status"] in FINISHED)
    return answer({**task, "token": sign(task["id"])}, 200 if known else 202, headers)


async def wait_for(request: Request, task: dict[str, Any], seconds: int) -> dict[str, Any]:
    """Return the task when it has finished, or as it is when the time is over or the database has gone."""
    if seconds == 0 or task["status"] in FINISHED:
        return task
    watcher: Watcher = request.app.state.watcher
    try:
        return await watcher.finished(task["id"], seconds)
    except Unavailable:
        return task  # it is enqueued all the same, and that is what the client must learn


def validated(model: type[Model], body: Any) -> Model:
    """Return the body as that model. 422 with each place that does not fit."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise of_validation(error.errors(include_url=False, include_context=False, include_input=False)) from None
