"""The OpenAPI document: what FastAPI sees for itself, and what only we can tell it."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.errors import MEDIA_TYPE
from api.schemas import TASK_EXAMPLE, NewTask
from api.shapes import ProblemBody, Task

DESCRIPTION = """
Enqueue tasks, see them, steer them. Errors are always `application/problem+json` (RFC 9457).

Who may do what: without a key one may enqueue public tasks (`task` and `payload` only), and see and cancel those whose
`token` one holds, sent as `X-Task-Token`. With a key, sent as `Authorization: Bearer KEY`: a *producer* enqueues, sees
and cancels its own; a *reader* sees all; an *operator* sees and steers all.
"""
WORDS = {
    401: "No or bad key, and no token.",
    403: "The key may not, or the token is another task's.",
    404: "There is none.",
    409: "Not possible in its state.",
    413: "Over 1 MiB (a batch: 16 MiB).",
    415: "Not JSON.",
    422: "It does not fit; `detail` says what.",
    429: "The queue is full; `Retry-After` says when to try again.",
    503: "The database does not answer or can't do this now, as `detail` says; `Retry-After`: when to try again.",
}
SECURITY: dict[str, dict[str, Any]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key; `make key` makes one."},
    "token": {"type": "apiKey", "in": "header", "name": "X-Task-Token", "description": "A task's token."},
}
METHODS = {"get", "post", "patch", "put", "delete"}
OPEN_PATHS = {"/api/", "/api/ws/authorize", "/api/healthz", "/api/readyz", "/metrics"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error answers of a route, for its `responses`."""
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {status: {"description": WORDS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses}


def body_of(schema: dict[str, Any], example: Any, *, required: bool = True) -> dict[str, Any]:
    """Return a route's JSON body, for its `openapi_extra`: ours are read more strictly than FastAPI does."""
    definitions = schema.pop("$defs", {})
    inlined = _inline(schema, definitions)
    return {
        "requestBody": {"required": required, "content": {"application/json": {"schema": inlined, "example": example}}}
    }


def header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return an optional header as a parameter."""
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


PREFER = header(
    "Prefer",
    "`wait=N`: answer when the task has finished or N seconds (at most 60) are over (RFC 7240).",
    {"type": "string", "examples": ["wait=5"]},
)
IDEMPOTENCY_KEY = header(
    "Idempotency-Key",
    "A repeat under the same key makes no second task. It counts per caller; without an API key it must be a UUID.",
    {"type": "string", "minLength": 1, "maxLength": 200},
)


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document, made once."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title, version=app.version, summary=app.summary, description=DESCRIPTION, routes=app.routes
        )
        made["paths"] = {"/api/tasks": {"post": _create_task()} | made["paths"].pop("/api/tasks"), **made["paths"]}
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in (ProblemBody, Task):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
            schemas |= schema.pop("$defs", {})
            schemas[model.__name__] = schema
        made["components"]["securitySchemes"] = SECURITY
        for path, item in made["paths"].items():
            for method in METHODS & item.keys():
                _finish(path, method, item[method])
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        app.openapi_schema = made
    return app.openapi_schema


def _create_task() -> dict[str, Any]:
    task = {"application/json": {"schema": {"$ref": "#/components/schemas/Task"}}}
    where = {"Location": {"description": "The task's address.", "schema": {"type": "string"}}}
    return {
        "tags": ["tasks"],
        "summary": "Create Task",
        "description": "Enqueue a task. Without a key: a public task, `task` and `payload` only.",
        "operationId": "create_task",
        **body_of(NewTask.model_json_schema(), TASK_EXAMPLE),
        "parameters": [IDEMPOTENCY_KEY, PREFER],
        "responses": {
            "200": {
                "description": "It has finished (`Prefer: wait`), or this Idempotency-Key had made it before.",
                "content": task,
                "headers": where,
            },
            "202": {"description": "It is enqueued.", "content": task, "headers": where},
        }
        | {str(status): shown for status, shown in problems(401, 403, 413, 415, 422, 429, 503).items()},
    }


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say what the routes have in common: who may call, that 422 is a problem too, that GET can wait."""
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):
        if operation.get("parameters"):
            responses |= {"422": problems(422)[422]}
        if "{id}" in path:
            del responses["422"]  # an id that is none is a task that is not there
    for status in ("429", "503"):
        if status in responses:
            after = {"description": "Seconds.", "schema": {"type": "integer"}}
            responses[status] = {**responses[status], "headers": {"Retry-After": after}}
    if path == "/api/tasks/{id}" and method == "get":
        operation.setdefault("parameters", []).append(PREFER)
    if path in OPEN_PATHS:
        return
    operation["security"] = [{"key": []}]
    if "{id}" in path and not path.endswith(("attempts", "retry")):
        operation["security"].append({"token": []})
    if (path in {"/api/tasks", "/api/new_task/"} and method == "post") or path in {"/api/new_task/", "/api/task-types"}:
        operation["security"].append({})


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
        return {key: _inline(value, definitions) for key, value in schema.items()}
    return [_inline(value, definitions) for value in schema] if isinstance(schema, list) else schema
