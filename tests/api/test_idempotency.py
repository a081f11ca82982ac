"""Idempotency-Key: one task a key and caller, whatever races and repeats."""

import asyncio
import time
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.api.conftest import KEYS, Site


def test_a_repeat_answers_the_same_task(shop: httpx.Client) -> None:
    key = {"Idempotency-Key": "order 1"}
    body = {"task": "echo", "payload": {"order": 1}}
    first, second = (shop.post("/api/tasks", json=body, headers=key) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.json() == first.json()
    quoted = shop.post("/api/tasks", json=body, headers={"Idempotency-Key": '"order 1"'})
    assert quoted.json()["id"] == first.json()["id"]


def test_other_content_is_refused(shop: httpx.Client) -> None:
    key = {"Idempotency-Key": "order 2"}
    shop.post("/api/tasks", json={"task": "echo", "payload": {"order": 2}}, headers=key)
    for body in ({"task": "echo", "payload": {"order": 3}}, {"task": "wordcount", "payload": {"order": 2}}):
        refused = shop.post("/api/tasks", json=body, headers=key)
        assert (refused.status_code, refused.json()["code"]) == (422, "TB003")
        assert "key:shop" not in refused.json()["detail"]


def test_keys_count_per_caller(site: Site) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    ids = set()
    for name in ("shop", "mill", "ops", None):
        with site.http(name) as client:
            ids.add(client.post("/api/tasks", json={"task": "echo"}, headers=key).json()["id"])
    assert len(ids) == 4


def test_without_a_key_it_is_a_uuid(anyone: httpx.Client) -> None:
    key = str(uuid4())
    first = anyone.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": key})
    again = anyone.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": key.upper()})
    assert again.json()["id"] == first.json()["id"]
    refused = anyone.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": "order 1"})
    assert refused.status_code == 422
    assert "UUID" in refused.json()["detail"]


@pytest.mark.parametrize(("length", "status"), [(0, 422), (1, 202), (200, 202), (201, 422)])
def test_length_has_bounds(shop: httpx.Client, length: int, status: int) -> None:
    key = {"Idempotency-Key": "k" * length}
    body = {"task": "echo", "payload": {"length": length}}
    answer = shop.post("/api/tasks", json=body, headers=key)
    assert answer.status_code == status
    if status == 202:
        assert shop.post("/api/tasks", json=body, headers=key).json()["id"] == answer.json()["id"]


def test_a_batch_has_keys_of_its_own(shop: httpx.Client) -> None:
    batch = [{"task": "echo", "idempotency_key": "in a batch"}, {"task": "echo", "idempotency_key": "in a batch"}]
    first, twin = shop.post("/api/tasks/batch", json=batch).json()["tasks"]
    assert (first["created"], twin["created"]) == (True, False)
    assert first["id"] == twin["id"]
    single = shop.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": "in a batch"})
    assert (single.status_code, single.json()["id"]) == (200, first["id"])


async def test_a_hundred_at_once_make_one(site: Site) -> None:
    headers = {"Authorization": f"Bearer {KEYS['shop'][1]}", "Idempotency-Key": "a race"}
    async with httpx.AsyncClient(base_url=site.base, headers=headers, trust_env=False, verify=False) as client:
        body = {"task": "echo", "payload": {"race": 1}}
        answers = await asyncio.gather(*(client.post("/api/tasks", json=body) for _ in range(100)))
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_key_held_in_an_open_transaction_holds_up_nobody_else(site: Site) -> None:
    headers = {"Authorization": f"Bearer {KEYS['shop'][1]}"}
    async with (
        await psycopg.AsyncConnection.connect(site.database.url) as holder,
        httpx.AsyncClient(base_url=site.base, headers=headers, trust_env=False, verify=False, timeout=20) as client,
    ):
        await holder.execute(
            "select taskbell.enqueue('echo', idempotency_key => 'key:shop:held') from taskbell.act_as('key:shop')"
        )
        held = asyncio.create_task(
            client.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": "held"})
        )
        began = time.monotonic()
        others = await asyncio.gather(*(client.post("/api/tasks", json={"task": "echo"}) for _ in range(20)))
        assert {other.status_code for other in others} == {202}
        assert time.monotonic() - began < 1.5
        refused = await held
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        await holder.commit()
        assert (
            await client.post("/api/tasks", json={"task": "echo"}, headers={"Idempotency-Key": "held"})
        ).status_code == 200


async def test_twelve_who_wait_for_one_key_hold_up_nobody_else(site: Site) -> None:
    """They are more than the API has connections."""
    headers = {"Authorization": f"Bearer {KEYS['shop'][1]}"}
    body = {"task": "echo"}
    async with (
        await psycopg.AsyncConnection.connect(site.database.url) as holder,
        httpx.AsyncClient(base_url=site.base, headers=headers, trust_env=False, verify=False, timeout=20) as client,
    ):
        await client.get("/api/tasks")
        await holder.execute(
            "select taskbell.enqueue('echo', idempotency_key => 'key:shop:wanted') from taskbell.act_as('key:shop')"
        )
        wanted = {"Idempotency-Key": "wanted"}
        batch = [body | {"idempotency_key": "wanted"}]
        waiting = [
            asyncio.create_task(client.post("/api/tasks", json=body, headers=wanted))
            if number % 2
            else asyncio.create_task(client.post("/api/tasks/batch", json=batch))
            for number in range(12)
        ]
        await asyncio.sleep(0.2)
        for number in range(5):
            began = time.monotonic()
            assert (await client.post("/api/tasks", json=body)).status_code == 202
            other = {"Idempotency-Key": f"not wanted {number}"}
            assert (await client.post("/api/tasks", json=body, headers=other)).status_code == 202
            assert time.monotonic() - began < 0.5
        await holder.commit()
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200, 202}, "they learn of its end while they wait"
    ids = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    ids |= {task["id"] for answer in answers if answer.status_code == 202 for task in answer.json()["tasks"]}
    assert len(ids) == 1
