"""Fixtures for tests of the SQL functions."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.db.hand import Clock, Hand
from tests.servers import Database


@pytest.fixture
def app(database: Database) -> psycopg.Connection[Any]:
    """A connection of the running parts' login."""
    return database.connect()


@pytest.fixture
def hand(database: Database) -> Callable[..., Hand]:
    """`hand(queues=…, tasks=…)` makes another worker, each with a connection of its own."""
    return lambda **options: Hand(database.connect(), **options)


@pytest.fixture
def clock(database: Database) -> Clock:
    """The database's clock."""
    return Clock(database.connect("superuser"))
