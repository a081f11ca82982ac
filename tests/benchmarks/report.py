"""The figures as a table in the terminal, as Markdown, and as a picture; facts about the machine."""

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path

import psutil

from db.settings import ROOT
from tests.benchmarks.figure import Figure, number, unit_of

PAGE = ROOT / "docs" / "explanation" / "performance.md"
PICTURE = ROOT / "docs" / "images" / "{}.svg"
HEAD = ("ratio", "measured", "median (lowest to highest)", "floor of the same run", "goal", "met")
WIDTH, BAR, LINE, LEFT = 900, 16, 46, 12  # pixels


def facts(postgres: str, load: float) -> str:
    """Return what the figures depend on, in a sentence."""
    cores = psutil.cpu_count()
    gigabytes = psutil.virtual_memory().total / 2**30
    day = datetime.now(UTC).date().isoformat()
    return (
        f"{day}; {cores} cores ({_processor()}), {gigabytes:.0f} GiB, {platform.system()} {platform.release().split('-')[0]}, "
        f"everything on this one machine (load {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end); Python "
        f"{platform.python_version()}, psycopg {version('psycopg')}; PostgreSQL {postgres} with 512 MB of shared buffers and "
        "its default durability."
    )


def print_table(figures: Sequence[Figure]) -> None:
    """Print one line a figure, ratios first."""
    for figure in figures:
        ratio, name, value, floor, goal, verdict = figure.cells()
        line = f"{ratio:>8}  {figure.group}: {name:<58} {value:<52} {floor:<44} {goal}"
        print(f"{line} {verdict.strip('*')}".rstrip(), flush=True)


def write(figures: Sequence[Figure], told: str, mark: str) -> None:
    """Put table and picture between the marks of the page; its prose stays as it is."""
    picture = Path(str(PICTURE).format(mark))
    picture.write_text(plot(figures))
    parts = [f"{told}\n", f"![The figures beside their floors](../images/{mark}.svg)\n"]
    for group in dict.fromkeys(figure.group for figure in figures):
        rows = [figure.cells() for figure in figures if figure.group == group]
        parts += [f"### {group}\n", _row(HEAD), _row(("---",) * len(HEAD)), *(_row(row) for row in rows), ""]
    put(mark, "\n".join(parts))


def put(mark: str, text: str) -> None:
    """Put Markdown between the marks of the page."""
    before, _, rest = PAGE.read_text().partition(f"<!-- {mark} -->")
    _, _, after = rest.partition(f"<!-- /{mark} -->")
    PAGE.write_text(f"{before}<!-- {mark} -->\n{text}<!-- /{mark} -->{after}")


def plot(figures: Sequence[Figure]) -> str:
    """Return an SVG: of every figure with a floor a bar for it and a thinner one for its floor, each pair to its own scale."""
    shown = [figure for figure in figures if figure.floor]
    height = LINE * len(shown) + 30
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{LEFT}" y="18" fill="#555">Dark: Taskbell. Light: the floor. Each pair has its own scale.</text>',
    ]
    for place, figure in enumerate(shown):
        top = 30 + LINE * place
        bare = statistics.median(figure.floor)
        scale = (WIDTH - 2 * LEFT - 190) / max(figure.median, bare)
        unit = unit_of(figure.unit)
        told = f"{number(figure.median)}{unit} · floor {number(bare)}{unit}"
        lines += [
            f'<text x="{LEFT}" y="{top + 10}" fill="#111">{escape(figure.name)}</text>',
            _bar(top + 14, figure.median * scale, BAR, "#2b5fb4"),
            _bar(top + 14 + BAR, bare * scale, BAR // 3, "#b9c7de"),
            f'<text x="{LEFT + max(figure.median, bare) * scale + 8:.0f}" y="{top + 27}" fill="#111">{told}</text>',
        ]
    return "\n".join([*lines, "</svg>\n"])


def _bar(top: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{LEFT}" y="{top}" width="{width:.0f}" height="{height}" fill="{colour}"/>'


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
