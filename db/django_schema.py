"""The schema of the admin's own tables (people, groups, sessions, log): made and granted here, filled by Django."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from db.migration_blockers import holders
from db.migration_connection import connect_to_migrate
from db.migration_roles import Refused

SCHEMA = "taskbell_admin"
LOCK_KEY = int.from_bytes(b"tb admin")  # advisory lock that lets one migrator in at a time
PATIENCE = 60.0  # seconds of waiting for another migrator
COMMENT = "The admin''s own tables: people, groups, sessions, log of acts. Made by python -m admin_site.migrate."


@contextmanager
def prepared(url: str, app_login: str) -> Iterator[None]:
    """Make the schema, let the caller fill it as the only one, then let `app_login` use what is in it.

    `Refused`: somebody else was at it all the time.
    """
    with connect_to_migrate(url) as connection:
        connection.execute(sql.SQL("set statement_timeout = {}").format(f"{PATIENCE:.0f}s"))
        try:
            connection.execute("select pg_advisory_lock(%s)", [LOCK_KEY])
        except psycopg.errors.QueryCanceled as error:
            who = holders(connection, LOCK_KEY)
            raise Refused(f"another migrator was at work for {PATIENCE:.0f} s{who}; try again") from error
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(SCHEMA)))
        connection.execute(sql.SQL("comment on schema {} is " + f"'{COMMENT}'").format(sql.Identifier(SCHEMA)))
        yield
        if app_login and _exists(connection, app_login) and app_login != connection.info.user:
            _grant(connection, app_login)


def _exists(connection: psycopg.Connection, login: str) -> bool:
    return connection.execute("select from pg_roles where rolname = %s", [login]).fetchone() is not None


def _grant(connection: psycopg.Connection, login: str) -> None:
    """Rows may be read and written, tables not changed; the list of migrations may only be read."""
    names = {"schema": sql.Identifier(SCHEMA), "login": sql.Identifier(login)}
    for statement in (
        "grant usage on schema {schema} to {login}",
        "grant select, insert, update, delete on all tables in schema {schema} to {login}",
        "revoke insert, update, delete on {schema}.django_migrations from {login}",
        "grant usage, select on all sequences in schema {schema} to {login}",
    ):
        connection.execute(sql.SQL(statement).format(**names))
