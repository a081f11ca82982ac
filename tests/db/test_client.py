import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from db import worker_client
from db.client import Client
from db.errors import BadArgument, Busy, KeyConflict, NotPossible, QueueFull, TaskNotFound, Unavailable
from db.models import Claim
from db.pool import Pool, open_pool
from db.worker_client import WorkerClient
from tests.servers import Database

KEYS_OF_A_TASK = {
    "id", "task", "queue", "status", "seq", "priority", "payload", "progress", "result", "error", "attempt",
    "max_attempts", "run_at", "created_at", "started_at", "finished_at",
}  # fmt: skip


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    pool = await open_pool(database.url, name="test", min_size=1, max_size=4)
    yield pool
    await pool.close()


@pytest.fixture
def client(pool: Pool) -> Client:
    return Client(pool)


class Hands:
    """A worker driven by hand through the client."""

    def __init__(self, client: WorkerClient) -> None:
        self.client = client
        self.id = uuid4()

    async def start(self) -> None:
        await self.client.register(self.id, "hands", os.getpid(), "0", None, [{"name": "echo", "schema": {}}])
        assert await self.client.hold(self.id, "default")

    async def claim(self, batch: int = 10, after: Claim | None = None) -> list[Claim]:
        return await self.client.claim(self.id, "default", ["echo"], batch, after)


@pytest.fixture
async def hands(pool: Pool) -> Hands:
    hands = Hands(WorkerClient(pool))
    await hands.start()
    return hands


async def test_enqueue_answers_the_task_in_one_statement(client: Client, hands: Hands) -> None:
    run_at = datetime.now(UTC) + timedelta(hours=1)
    task, created = await client.enqueue(
        "echo",
        {"größe": [1, None]},
        queue="mail",
        priority=7,
        run_at=run_at,
        max_attempts=5,
        timeout=1.5,
        actor="key:shop",
    )
    assert created
    assert task.keys() == KEYS_OF_A_TASK
    assert (task["queue"], task["priority"], task["max_attempts"], task["payload"]) == (
        "mail",
        7,
        5,
        {"größe": [1, None]},
    )
    assert datetime.fromisoformat(task["run_at"]) == run_at
    row = await client.get(task["id"])
    assert row is not None
    assert (row.json, row.enqueued_by) == (task, "key:shop")


async def test_the_actor_is_gone_after_the_call(pool: Pool, client: Client, hands: Hands) -> None:
    await client.enqueue("echo", actor="anonymous")
    task, _ = await client.enqueue("echo")
    row = await client.get(task["id"])
    assert row is not None
    assert row.enqueued_by not in {"anonymous", ""}


async def test_a_repeated_key_answers_the_task_that_has_it(client: Client) -> None:
    first, created = await client.enqueue("echo", {"a": 1}, idempotency_key="k", actor="key:shop")
    again, created_again = await client.enqueue("echo", {"a": 1}, idempotency_key="k", actor="key:shop")
    assert (created, created_again, again["id"]) == (True, False, first["id"])
    with pytest.raises(KeyConflict, match="k"):
        await client.enqueue("echo", {"a": 2}, idempotency_key="k", actor="key:shop")


async def test_a_key_in_an_open_transaction_is_busy(database: Database, client: Client) -> None:
    other = database.connect()
    with other.transaction():
        other.execute("select taskbell.enqueue('echo', idempotency_key => 'k')")
        with pytest.raises(Busy):
            await client.enqueue("echo", idempotency_key="k")


async def test_enqueue_many_is_all_or_nothing_and_in_order(client: Client) -> None:
    made = await client.enqueue_many([{"task": "echo", "payload": {"n": n}} for n in range(50)], "key:shop")
    assert [one.position for one in made] == list(range(1, 51))
    assert [one.id for one in made] == sorted(one.id for one in made)
    with pytest.raises(BadArgument, match="task 2"):
        await client.enqueue_many([{"task": "echo"}, {"task": ""}], "key:shop")
    assert len(await client.list_tasks()) == 50
    tasks = await client.enqueue_and_get([{"task": "echo", "payload": {"n": n}} for n in range(3)])
    assert [(task["payload"]["n"], created) for task, created in tasks] == [(0, True), (1, True), (2, True)]


@pytest.mark.parametrize(
    "item",
    [
        {"task": "echo", "payload": {"nul": "\0"}},
        {"task": "echo", "payload": {"lone": "\ud800"}},
        {"task": "echo", "payload": {"nan": float("nan")}},
        {"task": "echo", "payload": {"object": object()}},
        {"task": "echo", "payload": [1]},
        {"task": "no spaces please"},
        {"task": "echo", "priority": 101},
        {"task": "echo", "priority": 10**30},
        {"task": "echo", "timeout": 1e300},
        {"task": "echo", "run_at": "soon"},
        {"task": "echo", "run_at": "infinity"},
        {"task": "echo", "idempotency_key": "x" * 201},
    ],
)
async def test_what_does_not_fit_is_a_bad_argument(client: Client, item: dict[str, Any]) -> None:
    with pytest.raises(BadArgument) as caught:
        await client.enqueue_many([item], "anonymous")
    assert caught.value.code == "TB005"
    assert await client.list_tasks() == []


async def test_a_full_queue(client: Client) -> None:
    await client.configure("small", max_depth=1)
    await client.enqueue("echo", queue="small")
    with pytest.raises(QueueFull):
        await client.enqueue("echo", queue="small")


async def test_pages_of_tasks(client: Client) -> None:
    made = await client.enqueue_many([{"task": "echo", "queue": f"q{n % 2}"} for n in range(10)], "key:shop")
    newest = [str(one.id) for one in reversed(made)]
    first = await client.list_tasks(limit=4)
    assert [row.json["id"] for row in first] == newest[:4]
    second = await client.list_tasks(limit=100, before_id=first[-1].json["id"])
    assert [row.json["id"] for row in second] == newest[4:]
    assert len(await client.list_tasks(queue="q1", status="queued", task="echo", enqueued_by="key:shop")) == 5
    for status in ("running", "succeeded", "failed", "cancelled"):
        assert await client.list_tasks(status=status) == []


async def test_steering_a_task(client: Client, hands: Hands) -> None:
    task, _ = await client.enqueue("echo", run_at=datetime.now(UTC) + timedelta(days=1))
    assert await client.reschedule(task["id"], datetime.now(UTC) + timedelta(days=2), "admin:eve") == "queued"
    assert "not due" in await client.why(task["id"])
    assert await client.cancel(task["id"], "no use", "admin:eve") == "cancelled"
    with pytest.raises(NotPossible):
        await client.reschedule(task["id"])
    assert await client.retry(task["id"], "admin:eve") == "queued"
    with pytest.raises(TaskNotFound) as caught:
        await client.cancel(uuid4())
    assert caught.value.code == "TB001"
    with pytest.raises(TaskNotFound):
        await client.pause("nowhere")


async def test_steering_queues(client: Client) -> None:
    await client.configure(
        "mail", exclusive=False, concurrency=20, timeout=90, keep_failed=timedelta(days=1), actor="key:op"
    )
    (mail,) = [row for row in await client.queues() if row["name"] == "mail"]
    assert (mail["exclusive"], mail["concurrency"], mail["timeout"]) == (False, 20, timedelta(seconds=90))
    await client.pause("mail", "key:op")
    await client.pause()
    assert (await client.health())["paused"]
    await client.resume()
    assert not any(row["paused"] for row in await client.queues())
    assert {row["queue"] for row in await client.stats()} >= {"mail", "default", "public"}
    with pytest.raises(BadArgument):
        await client.configure("mail", keep_failed=1e30)


async def test_a_task_through_a_workers_hands(client: Client, hands: Hands) -> None:
    ids = [(await client.enqueue("echo", {"n": n}))[0]["id"] for n in range(4)]
    (queue,) = [state for state in await hands.client.poll(hands.id) if state.queue == "default"]
    assert (queue.due, queue.holder, queue.exclusive) == (True, hands.id, True)
    claims = await hands.claim()
    assert [claim.id for claim in claims] == ids
    done, failed, released, slow = claims
    assert (
        await hands.client.progress([{"id": slow.id, "token": slow.token, "age": 0.2, "fraction": 0.5, "note": "half"}])
        == {}
    )
    assert await hands.client.complete([done.id], [done.token], [0.1], ['{"a": [1]}']) == {}
    error = {"type": "ValueError", "message": "no"}
    failure = {"id": failed.id, "token": failed.token, "age": 0.1, "outcome": "fail", "error": error, "traceback": "…"}
    assert await hands.client.fail([failure]) == {}
    assert await hands.client.release([released.id], [released.token]) == {}
    rows = [await client.get(task) for task in ids]
    assert [row and row.json["status"] for row in rows] == ["succeeded", "failed", "queued", "running"]
    assert [row and row.json["result"] for row in rows] == [{"a": [1]}, None, None, None]
    assert [row and row.json["progress"] for row in rows] == [None, None, None, {"fraction": 0.5, "note": "half"}]
    assert [attempt["error"] for attempt in await client.attempts(ids[1])] == [error]
    assert await client.cancel(ids[3], actor="admin:eve") == "running"
    beat = await hands.client.heartbeat(hands.id, ["default"], listening=True, lock="postgres")
    assert beat == (True, ["default"], [ids[3]])
    assert await hands.client.reconcile(hands.id, [slow.token]) == 0
    assert (await hands.client.heartbeat(uuid4(), [], listening=True, lock="postgres")).known is False


async def test_refusals_say_stale_or_busy(database: Database, client: Client, hands: Hands) -> None:
    await client.enqueue_many([{"task": "echo"}, {"task": "echo"}])
    held, gone = await hands.claim()
    superuser = database.connect("superuser")
    with superuser.transaction():
        superuser.execute("select from taskbell.live where id = %s for update", [held.id])
        refused = await hands.client.complete([held.id, gone.id], [held.token, str(uuid4())], [0, 0], ["1", "2"])
        assert refused == {held.id: "busy", gone.id: "stale"}
    assert await hands.client.complete([held.id, gone.id], [held.token, gone.token], [0, 0], ["1", "2"]) == {}
    assert (await client.health())["stale_calls"] == 1


async def test_the_low_water_mark_goes_on_where_the_last_claim_began(client: Client, hands: Hands) -> None:
    made = await client.enqueue_many([{"task": "echo"} for _ in range(6)])
    first = await hands.claim(2)
    second = await hands.claim(2, after=first[0])
    assert [claim.id for claim in first + second] == [str(one.id) for one in made[:4]]


async def test_ids_go_through_a_worker_as_texts_and_arrays_as_literals(client: Client, hands: Hands) -> None:
    await client.enqueue("echo")
    [claim] = await hands.claim()
    assert (type(claim.id), type(claim.token)) == (str, str), "uuids cost the driver half of its time"
    assert worker_client.array([claim.id, claim.token]) == f"{{{claim.id},{claim.token}}}"


async def test_goodbye_lets_the_next_worker_in_at_once(pool: Pool, hands: Hands) -> None:
    next_one = Hands(WorkerClient(pool))
    assert not await next_one.client.hold(next_one.id, "default")
    await hands.client.deregister(hands.id)
    await next_one.start()


async def test_without_the_schema_it_says_what_to_do(database: Database) -> None:
    pool = await open_pool(database.superuser_url, name="test", min_size=1, max_size=1)
    try:
        with pytest.raises(Unavailable) as caught:
            await Client(pool)._value("select taskbell.no_such_function()")
        assert "db.migrate" in (caught.value.hint or "")
    finally:
        await pool.close()


async def test_many_callers_share_few_connections(client: Client) -> None:
    await asyncio.gather(*(client.enqueue("echo", {"n": n}, actor="anonymous") for n in range(200)))
    assert len(await client.list_tasks(limit=1000)) == 200
