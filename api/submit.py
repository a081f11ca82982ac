"""Enqueueing over HTTP: the rules that hold for every door, whoever calls."""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.requests import Request

from api.auth import ENQUEUE, Caller
from api.errors import Problem, needs_key
from api.headers import header
from api.schemas import BatchTask, NewTask
from db.errors import BadArgument, KeyConflict

if TYPE_CHECKING:
    from api.gather import Gatherer
    from api.known import KnownTasks
    from db.client import Client

PUBLIC_QUEUE = "public"
PUBLIC_TIMEOUT = 60  # seconds an attempt of an anonymous task may take
PUBLIC_FIELDS = {"task", "payload"}
MAX_KEY = 200  # characters, the database's bound


@dataclass(frozen=True, slots=True)
class Submitted:
    """A task that is in the database, and whether this request put it there."""

    task: dict[str, Any]
    created: bool


async def submit(request: Request, caller: Caller, new: NewTask, size: int) -> Submitted:
    """Enqueue one task for this caller. `size`: bytes of its body. 401, 403, 422, 429 or 503 as a Problem."""
    check_may_enqueue(request, caller, new)
    await check_known(request, new.task)
    state = request.app.state
    key = stored_key(caller, idempotency_key(request))
    item = as_item(caller, new)
    try:
        if key is None:
            gatherer: Gatherer = state.gatherer
            return Submitted(await gatherer.enqueue(item, size, caller.actor), created=True)
        client: Client = state.client
        task, created = await client.enqueue(**item, idempotency_key=key, actor=caller.actor)
    except BadArgument as error:
        # One by one or together, tasks go through enqueue_many(), which names the position.
        raise Problem(422, error.message.removeprefix("task 1: "), code=error.code) from None
    except KeyConflict:
        raise Problem(
            422, "This Idempotency-Key stands for another task or payload; use a new key for a new task.", code="TB003"
        ) from None
    return Submitted(task, created)


def check_may_enqueue(request: Request, caller: Caller, new: NewTask) -> None:
    """Let pass producers and operators; anybody, with a public task and its payload alone."""
    if caller.role is None:
        public = request.app.state.settings.public_tasks
        if new.task not in public and "*" not in public:
            raise needs_key(f"Without an API key one may enqueue {', '.join(public) or 'nothing'} only.")
        if extra := sorted(new.model_fields_set - PUBLIC_FIELDS):
            raise needs_key(f"Without an API key one may send task and payload only, not {', '.join(extra)}.")
    elif caller.role not in ENQUEUE:
        raise Problem(403, f"The key {caller.name} is a {caller.role}'s, which may look, not enqueue.")


async def check_known(request: Request, name: str, where: str = "/task") -> None:
    """Refuse the name of a task that no worker has registered."""
    known: KnownTasks = request.app.state.known
    if await known.find(name) is None:
        detail = f"No worker knows a task named {name}; see /api/task-types."
        raise Problem(422, detail, errors=[{"detail": detail, "pointer": where}])


def as_item(caller: Caller, new: NewTask) -> dict[str, Any]:
    """Return a task as the database's client takes it, with what holds for anonymous callers put in."""
    item = {name: value for name in NewTask.model_fields if (value := getattr(new, name)) is not None}
    if caller.role is None:
        item |= {"queue": PUBLIC_QUEUE, "timeout": PUBLIC_TIMEOUT}
    return item


def as_batch_item(caller: Caller, new: BatchTask) -> dict[str, Any]:
    """Return a task of a batch likewise, with its own idempotency key."""
    item = as_item(caller, new)
    if new.idempotency_key is not None:
        item["idempotency_key"] = stored_key(caller, new.idempotency_key)
    return item


def idempotency_key(request: Request) -> str | None:
    """Return what the Idempotency-Key header holds, quoted (as its draft says) or plain."""
    key = header(request.scope, b"idempotency-key")
    if key is None:
        return None
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 1 <= len(key) <= MAX_KEY:
        raise Problem(422, f"Idempotency-Key must be 1 to {MAX_KEY} characters long.")
    return key


def stored_key(caller: Caller, key: str | None) -> str | None:
    """Return the key as the database keeps it: apart from other callers' keys and within its 200 characters."""
    if key is None:
        return None
    if caller.role is None:
        try:
            return f"anonymous:{UUID(key)}"
        except ValueError:
            raise Problem(
                422, "Without an API key, Idempotency-Key must be a random UUID, so that nobody guesses it."
            ) from None
    stored = f"{caller.actor}:{key}"
    if len(stored) > MAX_KEY:
        stored = f"{caller.actor}:sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"
    return stored
