"""Which tasks there are."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer
from api.auth import identify_strictly
from api.openapi import problems
from api.plain import plain
from api.shapes import TaskTypeList

if TYPE_CHECKING:
    from api.known import KnownTasks

router = APIRouter(prefix="/api/task-types", tags=["tasks"])
INTERNAL = frozenset({"registered_at", "seen_at"})


@router.get("", response_model=TaskTypeList, responses=problems(401, 503))
async def list_task_types(request: Request) -> Response:
    """List the tasks that workers know, with the JSON Schema of their payload.

    Without a key: those that one may enqueue.
    """
    caller = identify_strictly(request)
    known: KnownTasks = request.app.state.known
    public = request.app.state.settings.public_tasks
    registered = sorted((await known.read()).items())
    # What no living worker knows has been removed, most likely; while none lives at all, the last known ones stand.
    living = [row for _, row in registered if row["known"]] or [row for _, row in registered]
    types = [plain(row, leave_out=INTERNAL) for row in living]
    if caller.role is None and "*" not in public:
        types = [kind for kind in types if kind["name"] in public]
    return answer({"task_types": types})
