"""Where a worker's next poll looks."""

from typing import Any

import pytest

from db.models import QueueState
from worker import lookout as module
from worker.lookout import MOST, OVERLAP, Lookout


class Time:
    """A clock that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    clock = Time()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def state(queue: str, walked_to: str | None = None, clock: float = 5000.0) -> QueueState:
    nothing: Any = None
    return QueueState(queue, True, 1, False, None, True, False, nothing, nothing, 1, clock, walked_to)


def test_what_rang_is_asked_for_until_a_poll_was_answered(time: Time) -> None:
    lookout = Lookout()
    for name in ("a", "b", "a", "", "not a name", "x" * 65):
        lookout.ring(name)
    assert lookout.look([])[0] == ["a", "b"]
    lookout.ring("b")
    lookout.ring("c")
    assert lookout.look(["lane", "a"])[0] == ["a", "b", "c", "lane"], "the first poll failed"
    lookout.ring("a")
    lookout.see([state("default")])
    assert lookout.look([])[0] == ["a"], "rang while the poll was under way"


def test_rings_without_end_are_not_kept(time: Time) -> None:
    lookout = Lookout()
    for n in range(2 * MOST):
        lookout.ring(f"q{n}")
    assert len(lookout.look(["lane"])[0]) == MOST


def test_new_is_what_came_since_the_last_poll_began(time: Time) -> None:
    lookout = Lookout()
    assert lookout.look([])[1] is None
    time.now += 0.25
    lookout.see([state("default", clock=5000.0)])
    assert lookout.look([])[1] == 5000.0 - 0.25 - OVERLAP


def test_a_walk_goes_on_soon_and_tells_at_its_end_what_it_saw(time: Time) -> None:
    lookout = Lookout()
    assert lookout.look([])[2] == ""
    time.now += 0.1
    assert lookout.see([state("a", "k"), state("default", "k")]) is None
    assert lookout.go_on_at == pytest.approx(time.now + 0.2)
    assert lookout.look([])[2] is None, "it rests"
    assert lookout.see([state("rang"), state("default")]) is None
    time.now += 0.2
    assert lookout.look([])[2] == "k"
    assert lookout.see([state("z"), state("default")]) == {"a", "default", "rang", "z"}
    assert lookout.go_on_at == pytest.approx(time.now + 1.0), "from the start, with the next poll"
    time.now += 1.0
    assert lookout.look([])[2] == ""
    assert lookout.see([state("default")]) == {"default"}


def test_quick_walks_come_with_every_poll_and_others_rest(time: Time) -> None:
    lookout = Lookout()
    for took in (0.001, 0.04, 0.06):
        assert lookout.look([])[2] == ""
        time.now += took
        assert lookout.see([state("default")]) == {"default"}
    assert lookout.look([])[2] is None
    time.now += 0.25
    assert lookout.look([])[2] == ""
