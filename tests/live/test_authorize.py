"""What wsify is told when it asks, and that nobody else may ask."""

from collections.abc import Iterator

import httpx
import pytest

from tests.live.carrier import Carrier
from tests.live.conftest import STAND_IN
from tests.live.driver import Driver, token
from tests.live.wsify import KEY
from tests.servers import Database, Processes


@pytest.fixture
def relaying(processes: Processes, database: Database) -> Carrier:
    """An API that relays."""
    return Carrier(processes, database, STAND_IN)


@pytest.fixture
def ask(relaying: Carrier) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=relaying.base, trust_env=False) as client:
        yield client


def status(client: httpx.Client, command: object, args: object, **headers: str) -> int:
    body = {"command": command, "args": args}
    return client.post("/api/ws/authorize", json=body, headers=headers).status_code


def test_answers(ask: httpx.Client, relaying: Carrier, driver: Driver) -> None:
    task, other = driver.enqueue(2)
    good = {"channel": task.id, "token": task.token}
    assert status(ask, "connect", {"headers": {}, "query": {}}) == 200
    assert status(ask, "connect", {"headers": {"Origin": ["http://evil.example"]}, "query": {}}) == 403
    assert status(ask, "connect", {"headers": {"Origin": [relaying.base]}, "query": {}}) == 200
    assert status(ask, "leave", good) == 403  # nobody has joined: it would make wsify's session deaf
    assert status(ask, "join", good) == 200
    assert status(ask, "leave", good) == 200
    assert status(ask, "leave", good) == 403
    assert status(ask, "join", {"channel": other.id, "token": task.token}) == 403
    assert status(ask, "join", {"channel": task.id}) == 403
    assert status(ask, "join", None) == 403
    assert status(ask, "broadcast", {**good, "content": {}}) == 403
    assert status(ask, "frob", good) == 403
    assert status(ask, None, good) == 403
    unknown = "019ab3c4-0000-7000-8000-000000000000"
    assert status(ask, "join", {"channel": unknown, "token": token(unknown)}) == 404


def test_not_from_outside(ask: httpx.Client, driver: Driver) -> None:
    (task,) = driver.enqueue()
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert status(ask, "join", {"channel": task.id, "token": task.token}, **{name: "203.0.113.7"}) == 403


@pytest.mark.parametrize("body", ["[]", "5", "{", ""])
def test_bad_bodies(ask: httpx.Client, body: str) -> None:
    answer = ask.post("/api/ws/authorize", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_without_wsify_nobody_is_answered(processes: Processes, database: Database) -> None:
    hub = Carrier(processes, database, None)
    with httpx.Client(base_url=hub.base, trust_env=False) as client:
        assert status(client, "connect", {"headers": {}, "query": {}}) == 403


def test_the_key_is_in_no_log_of_ours(ask: httpx.Client, relaying: Carrier, driver: Driver) -> None:
    assert relaying.wsify is not None
    (task,) = driver.enqueue()
    assert status(ask, "join", {"channel": task.id, "token": task.token}) == 200
    relaying.wsify.process.wait_until(lambda: "/broadcast" in relaying.wsify.process.log())  # type: ignore[union-attr]  # asserted above
    relaying.wsify.process.kill()
    assert status(ask, "join", {"channel": task.id, "token": task.token}) == 200
    relaying.api.wait_until(lambda: "wsify does not answer" in relaying.api.log())
    relaying.wsify.start()
    relaying.api.wait_until(lambda: "wsify is back" in relaying.api.log())
    assert KEY not in relaying.api.log()


def test_a_wrong_key_is_said_once(processes: Processes, database: Database, driver: Driver) -> None:
    relaying = Carrier(processes, database, STAND_IN, WSIFY_KEY="another")
    with httpx.Client(base_url=relaying.base, trust_env=False) as client:
        for task in driver.enqueue(3):
            assert status(client, "join", {"channel": task.id, "token": task.token}) == 200
    relaying.api.wait_until(lambda: "is WSIFY_KEY its -broadcasting-key?" in relaying.api.log())
    assert relaying.api.log().count("WSIFY_KEY") == 1
