"""A task's tokens: who holds one may see (`view`) or see and cancel (`owner`) that task, and no other.

A token is an HMAC over scope and id, so nothing is stored and it is good as long as its task is kept.
"""

import hmac
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import Literal
from uuid import UUID

from db.settings import load

Scope = Literal["owner", "view"]
SCOPES: tuple[Scope, ...] = ("owner", "view")
TOKEN_LENGTH = 45  # characters: the scope's letter, a dot, 43 of base64


def sign(task_id: UUID | str, scope: Scope = "owner") -> str:
    """Return the token of one task."""
    return _token(_keys()[0], _canonical(task_id), scope)


def verify(token: str, task_id: UUID | str) -> Scope | None:
    """Return what this token allows for this task; None when it is not one of this task's."""
    try:
        given, canonical = token.encode("ascii"), _canonical(task_id)
    except (UnicodeEncodeError, ValueError):
        return None
    if len(given) != TOKEN_LENGTH:
        return None
    found: Scope | None = None
    for key in _keys():
        for scope in SCOPES:
            if hmac.compare_digest(_token(key, canonical, scope).encode("ascii"), given):
                found = scope
    return found


def _token(key: bytes, canonical_id: str, scope: Scope) -> str:
    digest = hmac.digest(key, f"{scope}:{canonical_id}".encode("ascii"), "sha256")
    return f"{scope[0]}.{urlsafe_b64encode(digest).rstrip(b'=').decode('ascii')}"


def _canonical(task_id: UUID | str) -> str:
    return str(task_id) if isinstance(task_id, UUID) else str(UUID(task_id))


@lru_cache(maxsize=1)
def _keys() -> list[bytes]:
    return load().derive_key("task token")
