"""What is too much for one statement is told in smaller ones."""

from typing import Any

import pytest

from db.errors import Unavailable
from tests.worker.lanes import claim
from worker import outbox as module
from worker.outbox import BULKY, Outbox
from worker.pace import Batch
from worker.run import Run


async def told(monkeypatch: pytest.MonkeyPatch, results: list[str], most: int) -> list[int]:
    """Return how many outcomes each statement had that a database took which takes so many characters in time."""
    monkeypatch.setattr(module, "AWAY", 0.0)
    taken: list[int] = []
    tries = 0

    async def send(runs: list[Run], values: list[str]) -> dict[str, Any]:
        nonlocal tries
        tries += 1
        assert tries < 100, "it tries the same for ever"
        if sum(map(len, values)) > most or tries == 1:
            raise Unavailable
        taken.append(len(runs))
        return {}

    box: Outbox[str] = Outbox(send, lambda _run, _again: None, lambda _run, _error: None)
    for result in results:
        box.put(Run(claim(), "q", Batch(1)), result)
    assert not await box.empty()
    return taken


async def test_results_that_take_too_long_together_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await told(monkeypatch, ["x" * (BULKY // 4)] * 16, BULKY) == [4] * 4


async def test_small_ones_stay_together_however_long_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert await told(monkeypatch, ["x"] * 500, BULKY) == [500]


@pytest.mark.parametrize("lost", [0, 1])
async def test_who_is_refused_may_have_been_accepted_before(monkeypatch: pytest.MonkeyPatch, lost: int) -> None:
    monkeypatch.setattr(module, "AWAY", 0.0)
    answers: list[Any] = [Unavailable()] * lost + [{}]
    heard: list[bool] = []

    async def send(runs: list[Run], _values: list[str]) -> dict[str, Any]:
        if isinstance(answer := answers.pop(0), Unavailable):
            raise answer
        return {runs[0].id: "stale"}

    box: Outbox[str] = Outbox(send, lambda _run, again: heard.append(again), lambda _run, _error: None)
    box.put(Run(claim(), "q", Batch(1)), "x")
    await box.empty()
    assert heard == [bool(lost)]
