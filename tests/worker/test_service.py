"""What ends a worker, and what does not."""

import asyncio
from typing import Any, cast
from uuid import UUID

import pytest

from db.errors import Unavailable
from db.settings import Settings
from worker import drain
from worker.service import Service


def service() -> Service:
    return Service(cast("Settings", None), {})  # it does not start


async def test_a_part_that_just_ends_has_failed() -> None:
    ours = service()
    ours._go(asyncio.sleep(60), asyncio.sleep(0))
    async with asyncio.timeout(5):
        await ours._first_of(asyncio.sleep(60), ours._asked.wait())  # as while the first beat is awaited
    assert ours.failed


async def test_a_part_that_fails_while_the_worker_drains_ends_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise ValueError("of its own")

    ours = service()
    ours.ask_to_stop()
    ours._go(asyncio.sleep(60), fails())
    async with asyncio.timeout(5):
        await ours._hurried.wait()
    assert ours.failed
    assert "a part of the worker failed" in caplog.text


def test_who_is_asked_to_stop_does_not_start_again() -> None:
    ours = service()
    ours.start_again()
    assert ours.changed
    ours._hear_signal()
    assert not ours.changed
    assert not ours._hurried.is_set(), "it was the first signal"
    ours.start_again()
    assert not ours.changed
    ours._hear_signal()
    assert ours._hurried.is_set()


class Away:
    """A part of a worker; what it settles fails until what it has to tell is told."""

    def __init__(self) -> None:
        self.told = False
        self.closed = False

    def unsettled(self) -> list[Any]:
        """Nothing, in the end."""
        return []

    async def drained(self) -> None:
        await asyncio.sleep(0.05)
        self.told = True

    async def close(self) -> None:
        if not self.told:
            raise Unavailable
        self.closed = True


class HeldUp:
    """A reporter with an outcome that somebody's open transaction holds up."""

    def unsettled(self) -> list[Any]:
        """It."""
        return [object()]

    async def drained(self) -> None:
        await asyncio.sleep(60)


class Quiet:
    """A part that has nothing to say."""

    def __init__(self) -> None:
        self.gone = False

    async def close(self) -> None:
        """Nothing."""

    async def deregister(self, _worker: UUID) -> None:
        self.gone = True

    def stop(self) -> None:
        """Nothing."""


def leaving(monkeypatch: pytest.MonkeyPatch, reporter: Any, desk: Any) -> Service:
    """A worker whose other parts have nothing to say."""
    ours, quiet = service(), Quiet()
    parts = {"_reporter": reporter, "_desk": desk}
    for part in ("_worker", "_locks", "_listener", "_client", "_pulse", *parts):
        monkeypatch.setattr(ours, part, parts.get(part, quiet), raising=False)
    return ours


async def test_what_has_ended_is_told_before_what_is_in_doubt_is_settled(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that is away for a moment fails a settling, and not what is told again and again."""
    away = Away()
    ours = leaving(monkeypatch, away, away)
    ours._go(asyncio.sleep(60))
    await ours._leave()
    assert away.told
    assert "could not say so" not in caplog.text
    assert not ours.failed, "its parts ended because it left"


async def test_what_is_in_doubt_is_settled_though_an_outcome_is_held_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("TELL", "GOODBYE"):
        monkeypatch.setattr(drain, name, 0.5)
    desk = Away()
    desk.told = True
    ours = leaving(monkeypatch, HeldUp(), desk)
    await ours._leave()
    assert desk.closed
    assert cast("Quiet", ours._client).gone
    assert "could not say so" not in caplog.text
    assert "what became of 1 tasks could not be told" in caplog.text
