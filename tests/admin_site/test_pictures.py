"""The geometry of the two pictures, and how durations and counts are written."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from admin_site.queue_admin import chart, timeline

T = datetime(2030, 1, 1, 12, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return T + timedelta(seconds=seconds)


def task(**changes: object) -> SimpleNamespace:
    known = {"created_at": T, "run_at": T, "started_at": None, "finished_at": None, "status": "queued"}
    return SimpleNamespace(**known | changes)


def test_bars_stand_on_the_floor_and_stay_in_the_picture() -> None:
    hour = [(T + timedelta(minutes=n), (n * 3, n % 5, n % 2)) for n in range(60)]
    drawn = chart.draw([*hour[:-1], (hour[-1][0], None)])
    assert len(drawn.bars) == 60
    assert drawn.bars[-1].unknown
    for bar in drawn.bars:
        assert bar.x + bar.width <= chart.WIDTH
        for _, y, height in bar.parts:
            assert y >= 0
            assert y + height <= drawn.floor + 0.1
    assert drawn.total == sum(sum(ended) for _, ended in hour[:-1])


def test_an_hour_without_a_task() -> None:
    drawn = chart.draw([(T, (0, 0, 0))])
    assert (drawn.bars[0].parts, drawn.total) == ((), 0)


@pytest.mark.parametrize(("most", "end"), [(0, 4), (4, 4), (5, 8), (9, 20), (21, 40), (81, 200), (12_345, 20_000)])
def test_the_scale_ends_at_a_round_number(most: int, end: int) -> None:
    assert chart.scale_end(most) == end


def test_a_life_is_scheduled_waiting_running() -> None:
    drawn = timeline.draw(task(run_at=later(10), started_at=later(15), finished_at=later(20), status="succeeded"), [])  # type: ignore[arg-type]  # looks like a row
    assert [(span.kind, span.x, span.width) for span in drawn.spans] == [
        ("scheduled", 0, 360),
        ("waiting", 360, 180),
        ("succeeded", 540, 180),
    ]


def test_a_task_that_waits_for_its_time_shows_until_then() -> None:
    drawn = timeline.draw(task(run_at=later(100)), [], now=later(10))  # type: ignore[arg-type]  # looks like a row
    assert drawn.end == later(100)


def test_attempts_have_a_lane_of_their_own() -> None:
    tries = [
        SimpleNamespace(attempt=n, status="failed", started_at=later(n), finished_at=later(n + 0.5)) for n in (1, 2)
    ]
    drawn = timeline.draw(task(started_at=later(2), finished_at=later(3), status="failed"), tries)  # type: ignore[arg-type]  # looks like a row
    assert [span.title for span in drawn.spans if span.y > 30] == [
        "attempt 1: failed, 500 ms",
        "attempt 2: failed, 500 ms",
    ]
    assert all(span.x + span.width <= timeline.WIDTH for span in drawn.spans)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0034, "3 ms"), (1.25, "1.2 s"), (70, "70 s"), (600, "10 min"), (7200, "2 h"), (3 * 86400, "3 d"), (-5, "0 ms")],
)
def test_durations(seconds: float, words: str) -> None:
    assert timeline.duration(seconds) == words


@pytest.mark.parametrize(("count", "words"), [(0, "0"), (950, "950"), (1234, "1.23k"), (2_000_000, "2M")])
def test_counts(count: int, words: str) -> None:
    assert chart.short(count) == words
