"""What can go wrong in the database, as exceptions: one for each SQLSTATE of Taskbell, one for no database at all.

Each carries the server's own sentence (`message`), its code and its hint; the class docstring is the default message.
"""
# ruff: noqa: N818 - each is named as the outcome it is

import asyncio

import psycopg
import psycopg_pool


class DatabaseError(Exception):
    """The database refused."""

    code = "TB000"

    def __init__(self, message: str | None = None, *, code: str | None = None, hint: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.code = code or self.code
        self.hint = hint
        super().__init__(self.message)


class TaskNotFound(DatabaseError):
    """There is no such task or queue."""

    code = "TB001"


class NotPossible(DatabaseError):
    """That is not possible in this state."""

    code = "TB002"


class KeyConflict(DatabaseError):
    """The idempotency key holds something else."""

    code = "TB003"


class Timeout(DatabaseError):
    """It was not finished in time."""

    code = "TB004"


class BadArgument(DatabaseError):
    """An argument is out of bounds."""

    code = "TB005"


class QueueFull(DatabaseError):
    """The queue is full."""

    code = "TB006"


class Unavailable(DatabaseError):
    """The database does not answer; nothing is known of what the call did."""

    code = "08000"


class Busy(Unavailable):
    """Somebody else's open transaction holds what this needs; try again."""

    code = "55P03"


DOMAIN: dict[str, type[DatabaseError]] = {
    kind.code: kind for kind in (TaskNotFound, NotPossible, KeyConflict, Timeout, BadArgument, QueueFull)
}
BUSY = ("55P03", "40P01", "40001", "57014")  # lock timeout, deadlock, serialization, statement timeout
BAD_VALUE = ("22", "54")  # prefixes: what SQL can't hold, what is over its limits
NO_DATABASE = ("08", "25006", "28", "53", "57P", "58", "XX")  # prefixes: connection, read-only, login, disk, shutdown
NO_SCHEMA = ("3F000", "42P01", "42883")  # no schema, table, function of that name


def translate(error: BaseException) -> DatabaseError:
    """Return the exception of ours for one of psycopg's, its pool's or a deadline's. Unknown ones are raised again."""
    if isinstance(error, DatabaseError):
        return error
    if isinstance(error, psycopg_pool.PoolTimeout | psycopg_pool.TooManyRequests | psycopg_pool.PoolClosed):
        return Unavailable(f"no connection to the database: {error}")
    if isinstance(error, asyncio.TimeoutError | OSError):
        return Unavailable()
    if not isinstance(error, psycopg.Error):
        raise error
    return _of_server(error)


def _of_server(error: psycopg.Error) -> DatabaseError:
    code = error.sqlstate
    message = error.diag.message_primary or " ".join(str(error).split())
    hint = error.diag.message_hint or error.diag.message_detail
    if code in DOMAIN:
        return DOMAIN[code](message, hint=hint)
    if code in BUSY:
        return Busy(message, code=code, hint=hint)
    if isinstance(error, psycopg.DataError) or (code or "").startswith(BAD_VALUE):
        return BadArgument(message, hint=hint)
    if code in NO_SCHEMA:
        return Unavailable(message, code=code, hint="The schema is missing or too old: python -m db.migrate")
    if code is None or code.startswith(NO_DATABASE):
        return Unavailable(message, code=code, hint=hint)
    raise error
