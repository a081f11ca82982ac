"""Fixtures of the last mile: the hub, and wsify (a stand-in always, the real one where WSIFY_BIN names it)."""

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.embedded import free_port
from tests.live.authorizer import Authorizer
from tests.live.carrier import Carrier
from tests.live.driver import Driver
from tests.live.wsify import Wsify
from tests.servers import ROOT, Database, Processes

STAND_IN = [sys.executable, str(ROOT / "tests" / "wsify" / "wsify.py")]


def wsify_command(kind: str) -> list[str]:
    """Return how to start that wsify; skip where the real one is not there."""
    if kind == "stand-in":
        return STAND_IN
    binary = os.environ.get("WSIFY_BIN")
    if not binary:
        pytest.skip("WSIFY_BIN does not name wsify's own binary")
    if not Path(binary).is_file():
        pytest.fail(f"WSIFY_BIN names {binary}, which is not there")
    return [binary]


@pytest.fixture
async def authorizer() -> AsyncIterator[Authorizer]:
    """An authorizer that records what it is asked and answers as it is told."""
    async with Authorizer() as running:
        yield running


@pytest.fixture(params=["stand-in", "wsify"])
async def wsify(request: pytest.FixtureRequest, processes: Processes, authorizer: Authorizer) -> Wsify:
    """A wsify that asks `authorizer`."""
    server = Wsify(processes, wsify_command(request.param), free_port(), authorizer.url)
    server.start()
    return server


@pytest.fixture(params=["hub", "stand-in", "wsify"])
def carrier(request: pytest.FixtureRequest, processes: Processes, database: Database) -> Carrier:
    """A running API with what carries its websocket messages."""
    command = None if request.param == "hub" else wsify_command(request.param)
    return Carrier(processes, database, command)


@pytest.fixture
def driver(database: Database) -> Driver:
    """Runs tasks when the test says so."""
    return Driver(database)
