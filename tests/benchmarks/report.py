"""The figures as a table in the terminal, as Markdown, and as pictures; facts about the machine; the last runs' goals."""

import json
import os
import platform
import statistics
import subprocess
import sys
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
RUNS = ROOT / ".reports" / "bench.jsonl"
HEAD = ("ratio to the floor", "measured", "median (lowest to highest)", "floor of the same run", "goal", "met")
WIDTH, BAR, LINE, LEFT = 900, 16, 46, 12  # pixels


def facts(postgres: str, load: float) -> str:
    """Return what the figures depend on, in a sentence."""
    cores = psutil.cpu_count()
    gigabytes = psutil.virtual_memory().total / 2**30
    day = datetime.now(UTC).date().isoformat()
    urgent = sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER
    priority = ", all of it at real-time priority" if urgent else ""
    return (
        f"{day}, {commit()}; {cores} cores ({_processor()}), {gigabytes:.0f} GiB, {platform.system()} "
        f"{platform.release().split('-')[0]}, everything on this one machine{priority} (load {load:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end); Python {platform.python_version()}, psycopg {version('psycopg')}; PostgreSQL "
        f"{postgres} with 512 MB of shared buffers and its default durability."
    )


def commit() -> str:
    """Return the tree's commit, with a mark if it was changed since."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no commit"


def print_table(figures: Sequence[Figure]) -> None:
    """Print one line a figure, ratios first."""
    for figure in figures:
        ratio, name, value, floor, goal, verdict = figure.cells()
        line = f"{ratio:>20}  {figure.group}: {name:<58} {value:<52} {floor:<44} {goal}"
        print(f"{line} {verdict.strip('*')}".rstrip(), flush=True)


def write(figures: Sequence[Figure], told: str) -> None:
    """Put each group's facts, picture and table between its marks on the page; the rest of the page stays as it is."""
    for group in dict.fromkeys(figure.group for figure in figures):
        some = [figure for figure in figures if figure.group == group]
        name = f"bench-{group.lower().replace(' ', '-')}"
        Path(str(PICTURE).format(name)).write_text(plot(some))
        rows = [_row(HEAD), _row(("---",) * len(HEAD)), *(_row(figure.cells()) for figure in some)]
        alt = f"{group}: the figures beside their floors"
        put(name, "\n".join([f"{told}\n", f"![{alt}](../images/{name}.svg)\n", *rows, ""]))


def keep(figures: Sequence[Figure], told: str) -> None:
    """Remember what a whole run gave of the goals."""
    RUNS.parent.mkdir(exist_ok=True)
    goals = [
        (f"{one.group}: {one.name}", one.goal, *one.cells()[:3:2], one.met) for one in figures if one.met is not None
    ]
    with RUNS.open("a") as file:
        file.write(json.dumps({"told": told, "goals": goals}) + "\n")


def write_runs(most: int = 3) -> None:
    """Put a table of the goals in the last whole runs, each with its commit, between its marks on the page."""
    runs = [json.loads(line) for line in RUNS.read_text().splitlines()[-most:]] if RUNS.exists() else []
    if not runs:
        raise SystemExit(f"there are no whole runs in {RUNS}")
    head = ("measured", "goal", *(f"run {number}" for number in range(1, len(runs) + 1)))
    table = [_row(head), _row(("---",) * len(head))]
    for place, (name, goal, *_) in enumerate(runs[-1]["goals"]):
        cells = []
        for run in runs:
            _, _, ratio, value, met = run["goals"][place]
            cells.append(f"{_short(value)}{f', {_short(ratio)}' if ratio else ''}{'' if met else ' **no**'}")
        table.append(_row((name, goal, *cells)))
    put("runs", "\n".join([f"Run {number}: {run['told']}\n" for number, run in enumerate(runs, 1)] + table) + "\n")


def _short(cell: str) -> str:
    """Return a cell without its spread and its note."""
    return cell.partition(" (")[0].partition(";")[0]


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
        f'<text x="{LEFT}" y="18" fill="#555">Dark: Taskbell, with its spread. Light: the floor. Each pair has its own scale.</text>',
    ]
    for place, figure in enumerate(shown):
        top = 30 + LINE * place
        bare = statistics.median(figure.floor)
        scale = (WIDTH - 2 * LEFT - 190) / max(*figure.values, bare)
        unit = unit_of(figure.unit)
        told = f"{number(figure.median)}{unit} · floor {number(bare)}{unit}"
        least, most = min(figure.values) * scale, max(figure.values) * scale
        lines += [
            f'<text x="{LEFT}" y="{top + 10}" fill="#111">{escape(figure.name)}</text>',
            _bar(top + 14, figure.median * scale, BAR, "#2b5fb4"),
            f'<path d="M{LEFT + least:.0f} {top + 22}H{LEFT + most:.0f}" stroke="#e8a33d" stroke-width="2"/>',
            _bar(top + 14 + BAR, bare * scale, BAR // 3, "#b9c7de"),
            f'<text x="{LEFT + max(most, bare * scale) + 8:.0f}" y="{top + 27}" fill="#111">{told}</text>',
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
