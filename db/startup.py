"""What a launcher asks the database: does it answer, which one is it, who is alive, may anybody log in."""

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

TIMEOUT = 5  # seconds


def why_unreachable(url: str) -> str | None:
    """Return in one line why the database does not answer, without the password; None when it does."""
    try:
        _connect(url).close()
    except psycopg.OperationalError as error:
        where = conninfo_to_dict(url)
        said = " ".join(str(error).split()).rsplit("failed: ", 1)[-1]
        return f"{where.get('host', 'the local socket')}:{where.get('port', 5432)} as {where.get('user')}: {said}"
    return None


def server_version(url: str) -> str:
    """Return the server's version, like `18.6`."""
    with _connect(url) as connection:
        return str(connection.execute("show server_version").fetchone()[0]).split()[0]  # type: ignore[index]  # it always has a row


def worker_is_alive(url: str, pids: list[int]) -> bool:
    """Tell whether one of these processes is registered as a worker and beats."""
    query = "select from taskbell.workers where pid = any(%s) and alive"
    with _connect(url) as connection:
        return connection.execute(query, [pids]).fetchone() is not None


def admin_user_exists(url: str) -> bool:
    """Tell whether anybody can log in to the admin."""
    query = "select from taskbell_admin.auth_user where is_active and is_staff limit 1"
    with _connect(url) as connection:
        return connection.execute(query).fetchone() is not None


def _connect(url: str) -> psycopg.Connection:
    name, writable = "taskbell run", "read-write"  # of several hosts, the one that takes writes
    conninfo = make_conninfo(url, connect_timeout=TIMEOUT, application_name=name, target_session_attrs=writable)
    return psycopg.connect(conninfo, autocommit=True)
