"""What a container's health check asks the database."""

import socket
from collections.abc import Callable

import psycopg
import pytest

from db.beating import worker_beats
from tests.servers import Database, Process


def test_a_worker_is_known_by_its_host_while_it_lives(database: Database, run_worker: Callable[..., Process]) -> None:
    assert not worker_beats(database.url, socket.gethostname())
    worker = run_worker(database)
    assert worker_beats(database.url, socket.gethostname())
    assert not worker_beats(database.url, "another-host")
    worker.stop()
    assert not worker_beats(database.url, socket.gethostname())


def test_no_database_is_an_error() -> None:
    with pytest.raises(psycopg.OperationalError):
        worker_beats("postgresql://nobody@127.0.0.1:1/nothing", "host")
