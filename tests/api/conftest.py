"""One API with one worker and one database a module, and a key of each role."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest

from scripts.guard import Guard
from tests.servers import Database, PostgresServer, Processes

KEYS = {
    "shop": ("producer", "shop-key"),
    "mill": ("producer", "mill-key"),
    "ops": ("operator", "ops-key"),
    "eyes": ("reader", "eyes-key"),
}
API_KEYS = ",".join(f"{name}:{role}:{hashlib.sha256(key.encode()).hexdigest()}" for name, (role, key) in KEYS.items())
PUBLIC_TASKS = "echo,sleep,wordcount"


@dataclass
class Site:
    """A running API."""

    base: str
    database: Database
    processes: Processes

    def http(self, name: str | None = None, **headers: str) -> httpx.Client:
        """Return a client with the key of that name."""
        if name is not None:
            headers["Authorization"] = f"Bearer {KEYS[name][1]}"
        return httpx.Client(base_url=self.base, headers=headers, timeout=30, trust_env=False, verify=False)


@pytest.fixture(scope="module")
def module_processes(tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Processes]:
    """Processes that end with the module."""
    processes = Processes(tmp_path_factory.mktemp("processes"), guard)
    yield processes
    processes.end()


@pytest.fixture(scope="module")
def module_database(postgres_server: PostgresServer) -> Iterator[Database]:
    """A database that ends with the module."""
    database = postgres_server.clone()
    yield database
    database.terminate()


@pytest.fixture(scope="module")
def site(module_database: Database, module_processes: Processes) -> Site:
    """An API with keys and few public tasks. Tasks are registered, and no worker runs them: what is queued stays so."""
    register(module_database)
    base = module_processes.api(module_database, API_KEYS=API_KEYS, PUBLIC_TASKS=PUBLIC_TASKS)
    return Site(base, module_database, module_processes)


@pytest.fixture(scope="module")
def working_site(site: Site) -> Site:
    """The same with a worker."""
    site.processes.worker(site.database)
    return site


def register(database: Database) -> None:
    """Let the database know tasks as a worker would that has gone since."""
    properties = {
        "echo": {},
        "sleep": {"seconds": {"type": "number"}},
        "wordcount": {"text": {"type": "string"}},
        "secret": {"n": {"type": "integer"}},
    }
    types = [
        {"name": name, "description": name, "schema": {"type": "object", "properties": schema}}
        for name, schema in properties.items()
    ]
    worker = uuid.uuid4()
    connection = database.connect()
    connection.execute("select taskbell.register(%s, 'gone', 1, '0', '{}', %s::jsonb)", [worker, json.dumps(types)])
    connection.execute("select taskbell.deregister(%s)", [worker])


@pytest.fixture
def anyone(site: Site) -> Iterator[httpx.Client]:
    """A client without a key."""
    with site.http() as client:
        yield client


@pytest.fixture
def shop(site: Site) -> Iterator[httpx.Client]:
    """A producer."""
    with site.http("shop") as client:
        yield client


@pytest.fixture
def ops(site: Site) -> Iterator[httpx.Client]:
    """An operator."""
    with site.http("ops") as client:
        yield client


@pytest.fixture
def eyes(site: Site) -> Iterator[httpx.Client]:
    """A reader."""
    with site.http("eyes") as client:
        yield client
