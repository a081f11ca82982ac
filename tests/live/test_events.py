"""Server-sent events: a snapshot at once, then every change, until the task has finished."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.live.carrier import Carrier
from tests.live.driver import Driven, Driver, read, token
from tests.servers import Database, Processes


@pytest.fixture
def site(processes: Processes, database: Database) -> Carrier:
    """An API."""
    return Carrier(processes, database, None)


@pytest.fixture
async def http(site: Carrier) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=site.base, trust_env=False, timeout=20) as client:
        yield client


async def events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    seq = ""
    async for line in answer.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "id":
            seq = value
        if name == "data":
            yield seq, json.loads(value)


def stream(http: httpx.AsyncClient, task: Driven, **headers: str) -> Any:
    return http.stream("GET", f"/api/tasks/{task.id}/events", headers={"X-Task-Token": task.token, **headers})


async def test_each_state_once(site: Carrier, http: httpx.AsyncClient, driver: Driver) -> None:
    (task,) = driver.enqueue()
    seen = []
    async with stream(http, task) as answer, asyncio.timeout(10):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "private, no-cache"
        async for seq, state in events(answer):
            assert seq == str(state["seq"])
            seen.append(state)
            if len(seen) == 1:
                driver.claim()
                driver.progress(task.id, 0.5)
            elif len(seen) == 2:
                driver.complete([task.id])
    assert [state["status"] for state in seen] == ["queued", "running", "succeeded"]
    assert seen[-1] == read(site.base, task)


async def test_a_finished_task_is_one_event_and_then_no_more(http: httpx.AsyncClient, driver: Driver) -> None:
    (task,) = driver.enqueue()
    driver.finish()
    async with stream(http, task) as answer:
        (only,) = [event async for event in events(answer)]
    assert only[1]["status"] == "succeeded"
    async with stream(http, task, **{"Last-Event-ID": only[0]}) as answer:
        assert answer.status_code == 204


async def test_a_whole_megabyte_comes_through(http: httpx.AsyncClient, driver: Driver) -> None:
    (task,) = driver.enqueue(1, json.dumps({"big": "x" * 1_000_000}))
    driver.finish()
    async with stream(http, task) as answer:
        (only,) = [event async for event in events(answer)]
    assert len(only[1]["payload"]["big"]) == 1_000_000


async def test_who_may_look(http: httpx.AsyncClient, driver: Driver) -> None:
    task, other = driver.enqueue(2)
    unknown = "019ab3c4-0000-7000-8000-000000000000"
    for task_id, headers, status in [
        (task.id, {}, 401),
        (task.id, {"X-Task-Token": other.token}, 403),
        (unknown, {"X-Task-Token": token(unknown)}, 404),
        (task.id, {"Authorization": "Bearer wrong"}, 401),
    ]:
        answer = await http.get(f"/api/tasks/{task_id}/events", headers=headers)
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_stop_of_the_api_ends_the_stream(site: Carrier, http: httpx.AsyncClient, driver: Driver) -> None:
    (task,) = driver.enqueue()
    async with stream(http, task) as answer:
        states = events(answer)
        assert (await anext(states))[1]["status"] == "queued"
        stopping = asyncio.create_task(asyncio.to_thread(site.api.stop, 10))
        assert [state async for state in states] == []
        await stopping
