"""Migrators want Postgres itself."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.migration_connection import connect_to_migrate
from db.migration_roles import Refused
from tests.servers import Database

KEY_DATA = b"K\x00\x00\x00\x0c"  # BackendKeyData: process and secret, four bytes each


@pytest.fixture
def pooled(database: Database) -> Iterator[str]:
    """An address where, as behind a pooler, another process is named than the one that works."""
    where = conninfo_to_dict(database.migrate_url)
    listener = socket.create_server(("127.0.0.1", 0))
    server = socket.create_connection((str(where["host"]), int(str(where["port"]))))

    def pass_on(source: socket.socket, target: socket.socket, *, rename: bool) -> None:
        with suppress(OSError):  # either end may have gone
            while data := source.recv(1 << 16):
                at = data.find(KEY_DATA) + len(KEY_DATA)
                if rename and KEY_DATA in data:
                    data = data[:at] + b"\x00\x00\x00\x01" + data[at + 4 :]
                target.sendall(data)

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            other_way = threading.Thread(target=pass_on, args=(client, server), kwargs={"rename": False})
            other_way.start()
            pass_on(server, client, rename=True)
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            other_way.join()

    relay = threading.Thread(target=serve)
    relay.start()
    yield make_conninfo(database.migrate_url, host="127.0.0.1", port=listener.getsockname()[1])
    with suppress(OSError):
        server.shutdown(socket.SHUT_RDWR)
    relay.join()
    server.close()
    listener.close()


def test_postgres_itself_is_right(database: Database) -> None:
    with connect_to_migrate(database.migrate_url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_pooler_is_refused(pooled: str) -> None:
    with pytest.raises(Refused, match=r"a pooler answers .* the address of Postgres itself"):
        connect_to_migrate(pooled)
