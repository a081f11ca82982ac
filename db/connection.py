"""How every connection of ours is made: read-write, with deadlines on the server, and quick to notice a dead peer."""

import asyncio
import contextlib
import select
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

CONNECT_TIMEOUT = 5  # seconds a host
STATEMENT_TIMEOUT = 10.0  # seconds; the server ends what takes longer
# Whatever the server's or the login's defaults are: times in UTC, spans as the driver reads them.
PLAIN_SESSION = (
    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c default_transaction_isolation=read\\ committed"
)
# Within about 10 s: unacknowledged data by its own time limit (milliseconds), silence by keepalives.
NOTICE_DEAD_PEER: dict[str, int] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 9000,
}
RETRY_FIRST, RETRY_MOST = 0.1, 2.0  # seconds between attempts to reconnect, doubling from the one to the other


def connection_options(url: str, name: str, *, statement_timeout: float = STATEMENT_TIMEOUT) -> dict[str, Any]:
    """Return libpq's parameters for `url`; what the URL itself says wins.

    `name` is the part of Taskbell, seen in `pg_stat_activity`. A half-open connection is noticed within about 10 s.
    """
    chosen = {key: value for key, value in conninfo_to_dict(url).items() if value is not None}
    timeouts = f"-c statement_timeout={round(statement_timeout * 1000)} -c idle_in_transaction_session_timeout=15000"
    chosen["options"] = " ".join([timeouts, PLAIN_SESSION, str(chosen.get("options", ""))]).strip()
    return {
        "application_name": f"taskbell {name.removeprefix('taskbell ')}",
        "client_encoding": "utf8",
        "connect_timeout": CONNECT_TIMEOUT,
        "target_session_attrs": "read-write",  # of several hosts, the one that takes writes
        **NOTICE_DEAD_PEER,
        **chosen,
    }


def looks_alive(connection: psycopg.AsyncConnection[Any]) -> bool:
    """Tell by the idle socket alone, without a round trip, whether the server is still at the other end."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    try:
        while poll.poll(0):
            connection.pgconn.consume_input()  # a notice is no harm; the end of the stream raises
    except psycopg.OperationalError:
        return False
    return True


class BackOff:
    """Ever longer pauses between attempts, up to `longest` seconds."""

    def __init__(self, longest: float = RETRY_MOST) -> None:
        self._next = RETRY_FIRST
        self._longest = longest

    def reset(self) -> None:
        """Begin with the short pause again."""
        self._next = RETRY_FIRST

    async def sleep(self, closing: asyncio.Event) -> None:
        """Pause until it is time or `closing` is set, and twice as long the next time."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closing.wait(), pause)
