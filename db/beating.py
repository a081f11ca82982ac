"""Whether the database hears of a worker: for health checks, so with few imports and no settings but the address."""

import psycopg

WRITABLE = "read-write"  # of several hosts, the one that the worker writes to
PATIENCE = 5  # seconds to connect, and as many for the answer
QUERY = "select from taskbell.workers where alive and starts_with(name, %s)"


def worker_beats(url: str, host: str) -> bool:
    """Tell whether a worker of this host has reported within the last seconds; `psycopg.Error`: nobody can tell."""
    options = f"-c statement_timeout={PATIENCE}s"
    name = "taskbell health"
    with psycopg.connect(
        url, connect_timeout=PATIENCE, application_name=name, options=options, target_session_attrs=WRITABLE
    ) as connection:
        return connection.execute(QUERY, [host]).fetchone() is not None
