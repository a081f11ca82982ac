"""Simultaneous requests share a commit; each has its own answer, and nobody pays for another's mistake."""

import asyncio

import httpx

from tests.api.conftest import KEYS, Site


def as_key(site: Site, name: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {KEYS[name][1]}"}
    limits = httpx.Limits(max_connections=70)
    return httpx.AsyncClient(
        base_url=site.base, headers=headers, trust_env=False, verify=False, limits=limits, timeout=30
    )


async def test_many_at_once_take_few_commits(site: Site) -> None:
    connection = site.database.connect("superuser")
    async with as_key(site, "shop") as client:
        await asyncio.gather(*(client.get("/api/healthz") for _ in range(64)))  # all connections are open
        with connection.transaction():
            connection.execute("lock table taskbell.live in share mode")  # the first commit takes its time
            coming = [
                asyncio.create_task(
                    client.post("/api/tasks", json={"task": "echo", "queue": "gather", "payload": {"n": n}})
                )
                for n in range(60)
            ]
            while await in_flight(client) < len(coming) + 1:  # noqa: ASYNC110 - another process's; + 1: the question itself
                await asyncio.sleep(0.02)
        answers = await asyncio.gather(*coming)
    assert {answer.status_code for answer in answers} == {202}
    assert [answer.json()["payload"] for answer in answers] == [{"n": n} for n in range(60)]
    query = "select count(*), count(distinct xmin::text) from taskbell.live where queue = 'gather'"
    assert len({answer.json()["id"] for answer in answers}) == 60
    row = connection.execute(query).fetchone()
    assert row is not None
    assert row[0] == 60
    assert row[1] < 10


async def in_flight(client: httpx.AsyncClient) -> float:
    text = (await client.get("/metrics")).text
    return next(
        float(line.split()[1]) for line in text.splitlines() if line.startswith("taskbell_http_requests_in_flight ")
    )


async def test_one_mistake_is_one_refusal(site: Site) -> None:
    async with as_key(site, "ops") as client:
        (await client.patch("/api/queues/narrow", json={"max_depth": 3})).raise_for_status()
        bodies = [{"task": "echo", "queue": queue} for queue in ["narrow", "wide"] * 30]
        bodies.append({"task": "echo", "payload": {"a": [[[]]] * 10}, "queue": "wide"})
        answers = await asyncio.gather(*(client.post("/api/tasks", json=body) for body in bodies))
    by_queue: dict[str, list[int]] = {"narrow": [], "wide": []}
    for body, answer in zip(bodies, answers, strict=True):
        by_queue[str(body["queue"])].append(answer.status_code)
    assert set(by_queue["wide"]) == {202}
    assert sorted(set(by_queue["narrow"])) == [202, 429]
    query = "select count(*) from taskbell.live where queue = %s"
    connection = site.database.connect("superuser")
    for queue, statuses in by_queue.items():
        row = connection.execute(query, [queue]).fetchone()
        assert row == (statuses.count(202),)


async def test_a_client_that_goes_away_harms_nobody(site: Site) -> None:
    async with as_key(site, "shop") as client, as_key(site, "shop") as hasty:
        gone = [asyncio.create_task(hasty.post("/api/tasks", json={"task": "echo"})) for _ in range(20)]
        stay = [asyncio.create_task(client.post("/api/tasks", json={"task": "echo"})) for _ in range(20)]
        await asyncio.sleep(0.005)  # into the middle of it
        for task in gone:
            task.cancel()
        assert {answer.status_code for answer in await asyncio.gather(*stay)} == {202}
        await asyncio.gather(*gone, return_exceptions=True)
