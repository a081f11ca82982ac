"""Before a worker says goodbye it settles what it has claimed, as far as that can be known."""

import asyncio
from typing import Any, cast
from uuid import uuid4

import pytest

from db.errors import Unavailable
from db.models import Claim
from db.worker_client import WorkerClient
from worker.desk import Desk


class Database:
    """Answers a claim when the test says so; the answer is lost."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.reconciled = 0

    async def claim(self, *_about: Any) -> list[Claim]:
        await self.answers.wait()
        raise Unavailable("gone")

    async def reconcile(self, *_about: Any) -> None:
        self.reconciled += 1


async def test_closing_waits_for_the_claim_under_way() -> None:
    database = Database()
    desk = Desk(cast("WorkerClient", database), uuid4(), ["echo"], list)
    claiming = asyncio.create_task(desk.claim("default", 1, None))
    await asyncio.sleep(0)
    closing = asyncio.create_task(desk.close())
    await asyncio.sleep(0.01)
    assert not closing.done()
    database.answers.set()
    await closing
    assert database.reconciled == 1
    with pytest.raises(Unavailable):
        await claiming


async def test_nothing_is_asked_where_nothing_is_in_doubt() -> None:
    database = Database()
    desk = Desk(cast("WorkerClient", database), uuid4(), ["echo"], list)
    await desk.settle()
    await desk.close()
    assert database.reconciled == 0
