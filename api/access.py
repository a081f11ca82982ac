"""What a caller may do with one task, by key or by the task's token."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from starlette.requests import HTTPConnection

from api.auth import SEE_ALL, STEER, TOKEN_HEADER, Caller, identify
from api.errors import Problem, needs_key
from api.tokens import Scope, sign, verify

if TYPE_CHECKING:
    from db.client import Client, TaskRow

Act = Literal["see", "cancel", "retry", "attempts"]
OPERATORS_ONLY = ("retry", "attempts")


@dataclass(frozen=True, slots=True)
class Opened:
    """A task that the caller may act on, as it was when we looked."""

    id: UUID
    row: "TaskRow"
    caller: Caller
    scope: Scope | None  # of the token that goes out with the task: for callers with a key

    def answer(self, task: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the task (this state of it, or the one we read first) as this caller gets it."""
        shown = dict(task if task is not None else self.row.json)
        if self.scope is not None:
            shown["token"] = sign(self.id, self.scope)
        return shown


async def open_task(connection: HTTPConnection, task_id: str, act: Act = "see") -> Opened:
    """Return the task if the caller may do this to it; else 401, 403 or 404, in this order.

    Without a key and a token it is 401 whatever the id, and with another task's token 403 whatever the id,
    so nobody learns here which ids exist.
    """
    caller = identify(connection)
    token = connection.headers.get(TOKEN_HEADER)
    if (caller is None or caller.role is None) and token is None:
        raise needs_key(f"Send an API key (Authorization: Bearer KEY) or this task's token ({TOKEN_HEADER}).")
    caller = caller or Caller()
    given = verify(token, task_id) if token is not None else None
    _check_before_reading(caller, given, act)
    found = _uuid(task_id)
    client: Client = connection.app.state.client
    row = await client.get(found) if found else None
    if found is None or row is None:
        raise Problem(404, f"There is no task {task_id[:64]}; finished tasks are removed after a while.", code="TB001")
    own = caller.role == "producer" and row.enqueued_by == caller.actor
    if not (own or caller.role in SEE_ALL or given is not None):
        raise Problem(403, f"The key {caller.name} sees the tasks that it enqueued, and this is another's.")
    if act == "cancel" and not (own or caller.role in STEER or given == "owner"):
        raise Problem(403, "This key and token may not cancel that task.")
    return Opened(found, row, caller, _scope(caller, given, own=own))


def _check_before_reading(caller: Caller, given: Scope | None, act: Act) -> None:
    if act in OPERATORS_ONLY and caller.role not in STEER:
        raise Problem(403, "This takes an operator's key.")
    if caller.role is None and given is None:
        raise Problem(403, "This token is not one of this task's.")
    if act == "cancel" and caller.role in {None, "reader"} and given != "owner":
        raise Problem(403, "With this key or token one may look at the task, not cancel it.")


def _scope(caller: Caller, given: Scope | None, *, own: bool) -> Scope | None:
    if own or caller.role in STEER or (caller.role is not None and given == "owner"):
        return "owner"
    return "view" if caller.role is not None else None


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
