"""Reads what the tasks `record` and `ticks` wrote down: when which run of which task was at work."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """Something that a run did. `at`: seconds of the machine's monotonic clock, the same in every process."""

    at: float
    what: str
    n: int
    attempt: int


class Span(NamedTuple):
    """A run from its first line to its last."""

    begin: float
    end: float
    n: int
    attempt: int


def lines(path: Path) -> list[Line]:
    """Return all lines, in the order in which they were written."""
    if not path.exists():
        return []
    written = (line.split() for line in path.read_text().splitlines() if line.count(" ") == 3)
    return [Line(float(at), what, int(n), int(attempt)) for at, what, n, attempt in written]


def spans(path: Path) -> list[Span]:
    """Return the runs, in the order in which they began."""
    runs: dict[tuple[int, int], list[float]] = {}
    for line in lines(path):
        runs.setdefault((line.n, line.attempt), []).append(line.at)
    return sorted(Span(at[0], at[-1], *run) for run, at in runs.items())


def overlap(path: Path) -> float:
    """Return for how long, at most, a run began before another had ended, in seconds; negative: never."""
    latest, worst = float("-inf"), float("-inf")
    for span in spans(path):
        worst = max(worst, latest - span.begin)
        latest = max(latest, span.end)
    return worst


def begun(path: Path) -> Counter[int]:
    """Return how often each task was begun."""
    return Counter(line.n for line in lines(path) if line.what == "start")


def side_by_side(path: Path) -> list[tuple[int, int]]:
    """Return tasks of which one began while another's last run had not ended, by the order of the lines alone.

    A run that was broken off writes no end; then only the same task may begin, again.
    """
    found: list[tuple[int, int]] = []
    at_work: int | None = None
    for line in lines(path):
        if at_work is not None and line.n != at_work:
            found.append((at_work, line.n))
        at_work = line.n if line.what == "start" else None
    return found
