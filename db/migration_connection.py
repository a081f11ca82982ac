"""The connection that a migrator works on: to a server that takes writes, and to Postgres itself."""

import psycopg

from db.migration_roles import Refused


def connect_to_migrate(url: str) -> psycopg.Connection:
    """Connect, in autocommit. `Refused`: a pooler stands in between.

    Behind a pooler a session's lock stays with the server connection, and the migrators after it wait for nobody; it
    drops `options` too, so that the admin's tables would land in another schema.
    """
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=10,
        application_name="taskbell migrate",
        target_session_attrs="read-write",  # of several hosts, the one that takes writes
        prepare_threshold=None,
    )
    row = connection.execute("select pg_backend_pid()").fetchone()
    if row is None or row[0] != connection.info.backend_pid:
        connection.close()
        raise Refused("a pooler answers at MIGRATE_DATABASE_URL: give it the address of Postgres itself")
    return connection
