"""Who calls: the name and role of an API key, or nobody in particular."""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from starlette.requests import HTTPConnection, Request

from api.errors import Problem, needs_key
from api.headers import header
from db.settings_parts import ApiKey

Role = Literal["producer", "operator", "reader"]
TOKEN_HEADER = "X-Task-Token"  # noqa: S105 - a header's name
SEE_ALL: tuple[Role, ...] = ("operator", "reader")
ENQUEUE: tuple[Role, ...] = ("producer", "operator")
STEER: tuple[Role, ...] = ("operator",)


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request; both fields are None without a key."""

    name: str | None = None
    role: Role | None = None

    @property
    def actor(self) -> str:
        """As whom the database records what this caller does."""
        return "anonymous" if self.name is None else f"key:{self.name}"


ANONYMOUS = Caller()


class Keyring:
    """The keys that settings allow, looked up in a time that tells nothing about them."""

    def __init__(self, keys: Iterable[ApiKey]) -> None:
        self._callers = [(bytes.fromhex(key.sha256), Caller(key.name, key.role)) for key in keys]  # type: ignore[arg-type]  # checked by the settings

    def find(self, key: str) -> Caller | None:
        """Return whose key this is, None when it is nobody's."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for expected, caller in self._callers:  # always all of them
            if hmac.compare_digest(expected, digest):
                found = caller
        return found


def identify(connection: HTTPConnection) -> Caller | None:
    """Return the caller; None when the Authorization header holds no key of ours."""
    given = header(connection.scope, b"authorization")
    if given is None:
        return ANONYMOUS
    scheme, _, key = given.partition(" ")
    if scheme.lower() != "bearer":
        return None
    keyring: Keyring = connection.app.state.keyring
    return keyring.find(key.strip())


def identify_strictly(connection: HTTPConnection) -> Caller:
    """Return the caller, who may be anonymous, but not one with a wrong key. 401 for that."""
    caller = identify(connection)
    if caller is None:
        raise needs_key("This API key is not one of ours; send Authorization: Bearer KEY with a valid one.")
    return caller


def role(*roles: Role) -> Callable[[Request], Caller]:
    """Return a FastAPI dependency: the caller, whose key has one of these roles.

    As a dependency it refuses before anything else about the request is checked.
    """

    def required(request: Request) -> Caller:
        return require_role(request, roles)

    return required


def require_role(connection: HTTPConnection, roles: tuple[str, ...]) -> Caller:
    """Return the caller with a key of one of these roles. 401 without a good key, 403 when its role is another."""
    caller = identify(connection)
    if caller is None or caller.role is None:
        if connection.headers.get(TOKEN_HEADER) is not None:
            raise Problem(403, f"A task's token is not enough here; it takes a key whose role is {_names(roles)}.")
        raise needs_key(f"This takes an API key whose role is {_names(roles)}: Authorization: Bearer KEY.")
    if caller.role not in roles:
        raise Problem(403, f"The key {caller.name} is a {caller.role}'s; this takes the role {_names(roles)}.")
    return caller


def _names(roles: tuple[str, ...]) -> str:
    return " or ".join(roles)
