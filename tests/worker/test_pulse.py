"""What the worker tells its heart, and when a signal of the heart breaks a task off."""

from time import monotonic
from uuid import uuid4

import pytest

from tests.worker.lanes import claim
from worker import pulse as module
from worker.drive import Interrupted
from worker.lock import LIFE
from worker.pace import Batch
from worker.pulse import Pulse
from worker.run import GRACE, Run, Stop


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(uuid4(), lambda _report: None)  # without a heart: reports never come


def test_the_end_of_what_was_lost_before_is_told_once(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[str]] = []
    monkeypatch.setattr(pulse, "_send", lambda: told.append(list(pulse.until)))
    pulse.held("q", monotonic())
    pulse.wish(tokens={"q": None}, listening=True, stopping=False, over=False)
    pulse.wish(tokens={}, listening=True, stopping=False, over=False)  # it was lost; what runs of it has its time still
    pulse.dropped("q")
    for _ in range(3):
        pulse.wish(tokens={}, listening=True, stopping=False, over=False)
    assert told == [["q"], ["q"], []]


@pytest.mark.parametrize(
    ("stop", "asked", "interrupted", "told"),
    [
        (None, 0.0, GRACE + 1, True),
        ("cancel", 1.0, GRACE + 1, True),  # it keeps the loop busy since, and must end before the right does
        ("lost", 1.0, GRACE + 1, False),  # it was cancelled by us, and tidies up
        ("lost", GRACE + 1, GRACE + 1, True),
        ("cancel", 1.0, 1.0, False),
    ],
)
def test_who_was_told_may_tidy_up_before_he_is_told_again(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch, stop: Stop | None, asked: float, interrupted: float, told: bool
) -> None:
    now = monotonic()
    run = Run(claim(), "q", Batch(1))
    run.stop, run.asked_at, run.interrupted_at = stop, now - asked, now - interrupted
    monkeypatch.setattr(module, "stepping", lambda: run)
    pulse.until["q"] = now - 0.1
    if told:
        with pytest.raises(Interrupted):
            pulse._interrupt(0, None)
    pulse._interrupt(0, None)
    assert run.stop == (stop or "lost")


def test_who_has_the_right_is_not_told(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(claim(), "q", Batch(1))
    monkeypatch.setattr(module, "stepping", lambda: run)
    pulse.held("q", monotonic() - LIFE / 2)
    pulse._interrupt(0, None)
    assert run.stop is None


def test_a_machine_that_has_just_started_spares_nobody(pulse: Pulse, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(claim(), "q", Batch(1))
    monkeypatch.setattr(module, "stepping", lambda: run)
    monkeypatch.setattr(module, "monotonic", lambda: 5.0)
    pulse.until["q"] = 4.9
    with pytest.raises(Interrupted):
        pulse._interrupt(0, None)


@pytest.mark.parametrize("lost", [True, False])
def test_who_lost_his_right_is_told_though_the_queue_is_ours_again(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    run = Run(claim(), "q", Batch(1))
    monkeypatch.setattr(module, "stepping", lambda: run)
    pulse.held("q", monotonic())
    run.stop, run.asked_at, run.lost = "lost" if lost else "cancel", monotonic() - GRACE - 1, lost
    if lost:
        with pytest.raises(Interrupted):
            pulse._interrupt(0, None)
    pulse._interrupt(0, None)
