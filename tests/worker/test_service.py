"""What ends a worker, and what does not."""

import asyncio
from typing import cast
from uuid import UUID

import pytest

from db.errors import Unavailable
from db.settings import Settings
from worker.service import Service


def service() -> Service:
    return Service(cast("Settings", None), {})  # it does not start


async def test_it_works_until_it_is_asked_to_stop() -> None:
    ours = service()
    ours._go(asyncio.sleep(60), asyncio.sleep(60))
    working = asyncio.create_task(ours._until_asked())
    await asyncio.sleep(0.05)
    assert not working.done()
    ours.ask_to_stop()
    await working
    assert not ours.failed


async def test_a_part_that_just_ends_has_failed() -> None:
    ours = service()
    ours._go(asyncio.sleep(60), asyncio.sleep(0))
    await ours._until_asked()
    assert ours.failed


async def test_a_part_that_fails_ends_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("of its own")

    ours = service()
    ours._go(asyncio.sleep(60), fails())
    await ours._until_asked()
    assert ours.failed
    assert ours._hurried.is_set()
    assert "a part of the worker failed" in caplog.text


class Away:
    """A part of a worker; what it settles fails until what it has to tell is told."""

    def __init__(self) -> None:
        self.told = False

    async def drained(self) -> None:
        await asyncio.sleep(0.05)
        self.told = True

    async def close(self) -> None:
        if not self.told:
            raise Unavailable


class Quiet:
    """A part that has nothing to say."""

    async def close(self) -> None:
        """Nothing."""

    async def deregister(self, _worker: UUID) -> None:
        """Goodbye."""

    def stop(self) -> None:
        """Nothing."""


async def test_what_has_ended_is_told_before_what_is_in_doubt_is_settled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is away for a moment fails a settling, and not what is told again and again."""
    ours, away, quiet = service(), Away(), Quiet()
    for part in ("_worker", "_locks", "_listener", "_client", "_pulse"):
        monkeypatch.setattr(ours, part, quiet, raising=False)
    for part in ("_reporter", "_desk"):
        monkeypatch.setattr(ours, part, away, raising=False)
    await ours._leave()
    assert away.told
    assert "could not say so" not in caplog.text
