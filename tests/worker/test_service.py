"""What ends a worker, and what does not."""

import asyncio
from typing import cast

import pytest

from db.settings import Settings
from worker.service import Service


def service() -> Service:
    return Service(cast("Settings", None), {})  # it does not start


async def test_what_was_only_to_be_done_once_ends_no_worker() -> None:
    ours = service()
    ours._go(asyncio.sleep(0), asyncio.sleep(60))
    working = asyncio.create_task(ours._until_asked())
    await asyncio.sleep(0.05)
    assert not working.done()
    ours.ask_to_stop()
    await working
    assert not ours.failed


async def test_a_part_that_fails_ends_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("of its own")

    ours = service()
    ours._go(asyncio.sleep(60), fails())
    await ours._until_asked()
    assert ours.failed
    assert ours._hurried.is_set()
    assert "a part of the worker failed" in caplog.text
