"""Brings a database to the schema of this tree: `python -m db.migrate [--print]`.

Numbered migrations run once, in order; functions, triggers, views and grants are current files, all of
them re-applied when one changed. All of it is one transaction under one lock, so two migrators at once
are harmless and a failure leaves nothing half done. Roles belong to the whole server and come first, in
a transaction of their own (`db/migration_roles.py`).
"""

import argparse
import random
import sys
import time
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from db import schema_files, settings
from db.migration_blockers import holders
from db.migration_connection import connect_to_migrate
from db.migration_plan import BOOKKEEPING, has_bookkeeping, make_plan
from db.migration_roles import Refused, ensure_roles
from db.schema_files import ROOT, SqlFile

__all__ = ["Refused", "migrate", "print_plan"]

OLDEST_SERVER = 15  # major version
LOCK_KEY = int.from_bytes(b"tb migra")  # advisory lock that lets one migrator in at a time
LOCK_TIMEOUT = "2s"  # a DDL statement that waits holds up everyone behind it: give way and come again
PATIENCE = 60.0  # seconds of coming again
CONTENTION = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


def migrate(url: str, *, app_login: str | None, root: Path = ROOT) -> list[str]:
    """Migrate the database behind `url`; return what was done, file by file (empty: nothing to do).

    `app_login` becomes a member of Taskbell's roles if there is such a login. `Refused`: why not, as a sentence.
    """
    with connect_to_migrate(url) as connection:
        _check_server(connection)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with connection.transaction():
                    _enter(connection)
                    done = ensure_roles(connection, app_login)
                with connection.transaction():
                    _enter(connection)
                    return done + _apply(connection, root)
            except psycopg.Error as error:
                if not _is_contention(error):
                    raise
                if time.monotonic() > deadline:
                    who = holders(connection, LOCK_KEY)
                    raise Refused(f"others were in the way for {PATIENCE:.0f} s ({error}){who}; try again") from error
                time.sleep(random.uniform(0.1, 1.0))  # noqa: S311 - jitter, no secret


def print_plan(url: str, *, root: Path = ROOT) -> None:
    """Write to stdout the SQL that `migrate` would run, and run none of it."""
    with connect_to_migrate(url) as connection, connection.transaction(force_rollback=True):
        _check_server(connection)
        fresh = not has_bookkeeping(connection)
        if not fresh:
            connection.execute("set local role taskbell_owner")
        files = [schema_files.roles(root), BOOKKEEPING] if fresh else []
        for file in [*files, *make_plan(connection, root).files]:
            sys.stdout.write(f"-- db/{file.name}\n{file.text}\n")


def main() -> None:
    """Migrate as the settings say; exit 0 when the schema is this tree's, else 1 with one sentence."""
    parser = argparse.ArgumentParser(
        prog="python -m db.migrate", description="Brings the database to this tree's schema."
    )
    parser.add_argument("--print", action="store_true", help="print the SQL that would run, and run none of it")
    arguments = parser.parse_args()
    chosen = settings.load()
    if chosen.environment == "production" and not chosen.migrate_database_url:
        sys.stderr.write(
            "warning: MIGRATE_DATABASE_URL is empty, so the login of the running parts will own the schema\n"
        )
    url = chosen.migrate_database_url or chosen.database_url
    try:
        if arguments.print:
            print_plan(url)
            return
        done = migrate(url, app_login=_login(chosen.database_url))
    except (Refused, psycopg.Error) as error:
        raise SystemExit(f"db.migrate: {' '.join(str(error).split())}") from None
    sys.stdout.write("\n".join(done or ["nothing to do"]) + "\n")


def _login(url: str) -> str | None:
    user = conninfo_to_dict(url).get("user")
    return None if user is None else str(user)


def _check_server(connection: psycopg.Connection) -> None:
    major = connection.info.server_version // 10000
    if major < OLDEST_SERVER:
        raise Refused(f"PostgreSQL {major} is too old: Taskbell needs {OLDEST_SERVER} or newer")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        hint = "create it with: create database … encoding 'UTF8' template template0"
        raise Refused(f"the database {connection.info.dbname} is in {encoding}, Taskbell needs UTF8; {hint}")


def _enter(connection: psycopg.Connection) -> None:
    connection.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
    connection.execute("set local statement_timeout = 0")
    connection.execute("set local search_path = taskbell, pg_temp")  # nobody else's objects by a bare name
    connection.execute("select pg_advisory_xact_lock(%s)", [LOCK_KEY])


def _apply(connection: psycopg.Connection, root: Path) -> list[str]:
    if has_bookkeeping(connection):
        connection.execute("set local role taskbell_owner")
    else:
        _run(connection, BOOKKEEPING)
    plan = make_plan(connection, root)
    connection.execute("set local check_function_bodies = off")  # bodies may name views that come later
    for file in plan.files:
        _run(connection, file)
        connection.execute(
            "insert into taskbell.migration (name, sha256) values (%s, %s) on conflict (name) do update"
            " set sha256 = excluded.sha256, applied_at = excluded.applied_at",
            [file.name, file.sha256],
        )
    if plan.gone:
        connection.execute("delete from taskbell.migration where name = any(%s)", [plan.gone])
    return [f"applied {file.name}" for file in plan.files]


def _run(connection: psycopg.Connection, file: SqlFile) -> None:
    try:
        connection.execute(file.text.encode(), prepare=False)
    except psycopg.Error as error:
        if _is_contention(error):
            raise
        place = ""
        if error.diag.statement_position:
            place = f", line {file.text.count(chr(10), 0, int(error.diag.statement_position) - 1) + 1}"
        raise Refused(f"db/{file.name}{place}: {error.diag.message_primary or error}") from error


def _is_contention(error: psycopg.Error) -> bool:
    """Tell whether somebody was merely quicker, here or (roles are server-wide) in another database."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        return error.diag.table_name in {"pg_authid", "pg_auth_members"}
    return isinstance(error, CONTENTION) or "tuple concurrently updated" in str(error)


if __name__ == "__main__":
    main()
