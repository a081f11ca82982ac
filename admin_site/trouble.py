"""A database in trouble: what the log says of it, once, and what a page says instead of itself."""

import logging

from django.db import InterfaceError, OperationalError, ProgrammingError, connection

from db.errors import BUSY
from db.presence import Presence
from db.refusals import HAS_WRITTEN

logger = logging.getLogger(__name__)

PART = "pages"  # of the process, as its `Presence` knows it
READ, WRITE = "a page", "a page that writes"  # the statements it knows
presence = Presence()

GONE = ("The database does not answer", "Tasks are safe in it. This page tries again by itself.")
READ_ONLY = ("The database is read-only", "It may be a standby: this page tries again by itself.")
FULL = ("The database has no room", "Its disk, memory or connections are used up. This page tries again by itself.")
UNREADY = ("The database is not ready", "Run make migrate, then reload this page.")
SLOW = ("That took too long", "The database was busy, or the question too wide: try a narrower one.")
HELD = ("The database is busy", "Somebody else's open transaction holds what this needs: try again.")


def tell(error: BaseException) -> tuple[str, str] | None:
    """Return title and text of the page for an error of the database, None for any other."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or ""
    sentence = " ".join(str(error).split())
    if isinstance(error, ProgrammingError) and state in {"42P01", "3F000", "42501"}:
        logger.error("the admin's tables are missing or closed: %s", sentence)
        return UNREADY
    if state in BUSY:
        logger.error("a page met a busy database: %s", sentence)
        return SLOW if state == "57014" else HELD
    if state == "25006" or state.startswith("53"):
        presence.refused(WRITE, sentence, state)
        return READ_ONLY if state == "25006" else FULL
    if isinstance(error, OperationalError | InterfaceError):
        presence.lost(PART, error)
        return GONE
    return None


def answered() -> None:
    """Note that a page came to its end; that it could read proves nothing of what is refused to be written."""
    if presence.away() and connection.connection is not None:
        presence.found(PART)
        presence.served(READ)


def has_written() -> bool:
    """Tell whether the transaction that is open has written anything; asked only where that has been refused before."""
    if not presence.away():
        return False
    with connection.cursor() as cursor:
        cursor.execute(HAS_WRITTEN)
        row = cursor.fetchone()
    return bool(row and row[0])
