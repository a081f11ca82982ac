"""Answers that carry tasks: JSON made fast, and never kept by a cache that others share."""

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from api.errors import PRIVATE

FINISHED = frozenset({"succeeded", "failed", "cancelled"})


def answer(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return JSON that belongs to this caller alone."""
    return Response(to_json(body), status, {"Cache-Control": PRIVATE, **(headers or {})}, "application/json")


def task_address(task_id: str) -> dict[str, str]:
    """Return the header that says where the task is."""
    return {"Location": f"/api/tasks/{task_id}"}
