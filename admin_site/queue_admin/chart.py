"""The chart of the last hour: where each bar of the SVG stands. Colours are the style sheet's business."""

from dataclasses import dataclass
from datetime import datetime

Ended = tuple[int, int, int]  # succeeded, failed, cancelled in one minute

WIDTH, HEIGHT = 720, 170  # user units; the picture scales
LEFT, BOTTOM, TOP = 40, 22, 10
GRID_LINES = 4
LABEL = 44  # user units that a time of day takes, at most


@dataclass(frozen=True)
class Bar:
    """One minute: a stack of succeeded, failed, cancelled, each (y, height)."""

    x: float
    width: float
    parts: tuple[tuple[str, float, float], ...]
    title: str
    unknown: bool


@dataclass(frozen=True)
class Chart:
    """The whole picture."""

    bars: list[Bar]
    lines: list[tuple[float, str]]
    hours: list[tuple[float, str]]
    total: int
    failed: int
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


def draw(minutes: list[tuple[datetime, Ended | None]]) -> Chart:
    """Lay out the last hour."""
    top = scale_end(max((sum(ended) for _, ended in minutes if ended), default=0))
    step = (WIDTH - LEFT) / max(1, len(minutes))
    floor, room = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP
    bars = [_bar(LEFT + index * step, step, minute, ended, room / top) for index, (minute, ended) in enumerate(minutes)]
    lines = [(floor - room * part / GRID_LINES, short(top * part / GRID_LINES)) for part in range(GRID_LINES + 1)]
    hours = [
        (min(LEFT + (index + 0.5) * step, WIDTH - LABEL / 2), f"{minute:%H:%M}")
        for index, (minute, _) in enumerate(minutes)
        if minute.minute % 10 == 0
    ]
    known = [ended for _, ended in minutes if ended]
    return Chart(bars, lines, hours, sum(map(sum, known)), sum(ended[1] for ended in known))


def scale_end(most: int) -> int:
    """Return the round number at which the scale ends: 4, 8, 20, 40, 80, 200 and so on."""
    if most <= GRID_LINES:
        return GRID_LINES
    power = 1
    while True:
        for digit in (4, 8, 20):
            if digit * power >= most:
                return digit * power
        power *= 10


def short(number: float) -> str:
    """Write a count in few characters: 950, 1.2k, 36k, 2M."""
    for limit, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= limit:
            return f"{number / limit:.3g}{unit}"
    return f"{number:.3g}"


def _bar(x: float, step: float, minute: datetime, ended: Ended | None, unit: float) -> Bar:
    parts, y = [], float(HEIGHT - BOTTOM)
    for name, count in zip(("succeeded", "failed", "cancelled"), ended or (), strict=False):
        height = max(count * unit, 1.5) if count else 0.0
        y -= height
        if count:
            parts.append((name, round(y, 2), round(height, 2)))
    words = "not read yet" if ended is None else f"{ended[0]} succeeded, {ended[1]} failed, {ended[2]} cancelled"
    return Bar(round(x + step * 0.12, 2), round(step * 0.76, 2), tuple(parts), f"{minute:%H:%M} {words}", ended is None)
