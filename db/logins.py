"""The two logins and the database, on a Postgres server of our own: `taskbell_migrator` and `taskbell_app`.

A database that somebody else runs gets its logins from its administrator; see docs/how-to.
"""

import psycopg
from psycopg import sql

MIGRATOR = "taskbell_migrator"  # migrates and makes roles; no superuser
APP = "taskbell_app"  # what the running parts and `make psql` use; owner of nothing
COMMENTS = {
    MIGRATOR: "Login that migrates Taskbell's schema and makes its roles; no superuser.",
    APP: "Login of Taskbell's running parts and of make psql; owner of nothing.",
}
DATABASE = "taskbell"
SERVER_LOCK = int.from_bytes(b"tb login")  # two starters at once take turns


def ensure_logins(superuser_url: str, *, migrator_password: str, app_password: str, database: str = DATABASE) -> None:
    """Make both logins with these passwords, and the database; harmless to repeat."""
    with psycopg.connect(superuser_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute("select pg_advisory_lock(%s)", [SERVER_LOCK])
        _ensure_login(connection, MIGRATOR, migrator_password, "createrole")
        _ensure_login(connection, APP, app_password, "nocreaterole")
        for name, comment in COMMENTS.items():
            query = sql.SQL("comment on role {} is {}")
            connection.execute(query.format(sql.Identifier(name), sql.Literal(comment)))
        # so that it can hand on the right to see how old the oldest transaction is
        connection.execute(sql.SQL("grant pg_read_all_stats to {} with admin option").format(sql.Identifier(MIGRATOR)))
        if connection.execute("select from pg_database where datname = %s", [database]).fetchone() is None:
            query = sql.SQL("create database {} owner {} template template0 encoding 'UTF8'")
            connection.execute(query.format(sql.Identifier(database), sql.Identifier(MIGRATOR)))


def _ensure_login(connection: psycopg.Connection, name: str, password: str, option: str) -> None:
    known = connection.execute("select from pg_roles where rolname = %s", [name]).fetchone() is not None
    verb = "alter" if known else "create"
    hashed = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{} role {} login nosuperuser nocreatedb {} password {}").format(
            sql.SQL(verb), sql.Identifier(name), sql.SQL(option), sql.Literal(hashed.decode())
        )
    )
