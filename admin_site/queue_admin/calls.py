"""The one way from the admin to Taskbell's functions: by name, on Django's own connection, in somebody's name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import DatabaseError, connection, transaction
from psycopg import sql
from psycopg.types.json import Jsonb

from admin_site import trouble

SCHEMA = "taskbell"


class Refusal(Exception):  # noqa: N818 - reads as the outcome it is
    """The function refused (TB001…TB006); the message says what, the hint how to mend it."""

    def __init__(self, code: str, message: str, hint: str | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    @property
    def sentence(self) -> str:
        """Message and hint, for a person."""
        text = f"{self.message[:1].upper()}{self.message[1:]}."
        return f"{text} {self.hint}" if self.hint else text


@contextmanager
def acting(user: AbstractUser) -> Iterator[None]:
    """Run the block as one transaction in which `taskbell` sees this user as the actor, `admin:NAME`."""
    with transaction.atomic():
        call("act_as", {"actor": f"admin:{user.get_username()}"})
        yield
        written = trouble.has_written()
    if written:
        trouble.presence.served(trouble.WRITE)


def call(function: str, arguments: Mapping[str, Any] | None = None) -> Any:
    """Call `taskbell.function(name => value, …)` and return its value; dicts and lists travel as jsonb.

    `Refusal` when it says no; then nothing happened.
    """
    rows = rows_of(function, arguments)
    return rows[0][0] if rows else None


def rows_of(function: str, arguments: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    """Call a function that returns rows; `Refusal` as `call`."""
    given = arguments or {}
    named = [sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in given]
    statement = sql.SQL("select * from {}({})").format(sql.Identifier(SCHEMA, function), sql.SQL(", ").join(named))
    values: dict[str, Any] = {
        name: Jsonb(value) if isinstance(value, dict | list) else value for name, value in given.items()
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.as_string(cursor.connection), values)
            return list(cursor.fetchall())
    except DatabaseError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(error: DatabaseError) -> Refusal | None:
    cause = error.__cause__
    code = getattr(cause, "sqlstate", None) or ""
    diagnosis = getattr(cause, "diag", None)
    if code == "55P03":
        return Refusal(code, "somebody else holds this row at the moment", "Try again in a moment.")
    if not code.startswith("TB") or diagnosis is None:
        return None
    return Refusal(code, diagnosis.message_primary or "it was refused", diagnosis.message_hint)
