"""The harness's lines of several repetitions as Markdown: everybody, Taskbell against the best, modes, settings."""

import re
import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from tests.benchmarks.beside.lines import Lines, Row, median, values
from tests.benchmarks.beside.rivals import FLOOR, OURS, SIZES
from tests.benchmarks.figure import number

# What a measure should reach, as times the fastest of a language: the goals of this project.
WANTED = {
    **{f"drain, 1 worker, {mode}": {"Python": 1.5, "Node": 1.0} for mode in ("serial", "open50")},
    "drain, 1 worker, c50": {"Python": 1.5 * 0.75, "Node": 0.75},
    "drain, 2 workers": {"Python": 1.5, "Node": 1.0},
}
HEAD = ("queue", "store", "enqueue one by one, /s", "enqueue in bulk, /s", "drain, 1 worker, /s", "drain, 2 workers, /s",
        "enqueue → handler, p50 / p99, ms", "round trip, p50 / p99, ms", "worker's memory, MB", "start to first job, ms")  # fmt: skip
GROUPS = (("Python", "postgres"), ("Python", "redis"), ("Node", "postgres"))
CAPPED = "†"


def summary(row: Row) -> str:
    """Return a line for the terminal while it runs."""
    words = [row.get("peer", ""), row["measure"], row.get("mode", ""), f"×{row['workers']}" if "workers" in row else ""]
    head = " ".join(filter(None, words))
    if row["measure"] == "took":
        return f"{head} {row['what']}: {row['seconds']:.0f} s"
    if "p50" in row:
        return f"{head}: p50 {number(row['p50']['median'])} ms, p99 {number(row['p99']['median'])} ms"
    return f"{head}: {number(row['median'])} {row['unit']}" if "median" in row else ""


def markdown(rows: Iterable[Row]) -> str:
    """Return everything as Markdown."""
    lines = Lines(rows)
    parts = [lines.facts["told"], _words(lines), _everybody(lines), _against(lines), _all_modes(lines), _floor(lines)]
    parts += [_settings(lines)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _spread(rows: Sequence[Row], key: str = "") -> str:
    found = values(rows, key)
    low, middle, high = (number(value) for value in (min(found), statistics.median(found), max(found)))
    return middle if len(found) == 1 else f"{middle} ({low}–{high})"


def _rate(rows: Sequence[Row], *, mode: bool = False) -> str:
    if not rows:
        return "–"
    words = [_spread(rows), rows[0]["mode"] if mode else "", CAPPED if any(row.get("capped") for row in rows) else ""]
    return " ".join(filter(None, words))


def _latency(rows: Sequence[Row], expected: int) -> str:
    if not rows:
        return "–"
    fewest = min(row["n"] for row in rows)
    few = f" (n = {fewest})" if fewest < expected else ""
    return f"{_spread(rows, 'p50')} / {_spread(rows, 'p99')}{few}"


def _memory(rows: Sequence[Row]) -> str:
    if not rows:
        return "–"
    many = max(row["processes"] for row in rows)
    return f"{_spread(rows, 'rss')}, {many} process{'es' if many > 1 else ''}"


def _words(lines: Lines) -> str:
    size = SIZES[lines.facts["size"]]
    one, latencies, cap = size.get("n_enqueue", 10_000), size.get("n_latency", 300), size.get("cap_s", 15)
    bulk, most = size.get("n_bulk", 10_000), size.get("n_drain", 20_000)
    words = (
        f"Size `{lines.facts['size']}`, {lines.facts['repeats']} repetitions, in turns; the median (lowest to highest) of each. One by one: {one:,} jobs of one"
        f" client or {cap} s. Bulk: {bulk:,} jobs. Drain: up to {most:,} no-op jobs in the store, from the first handler's start to"
        f" nothing unfinished; †: stopped after {cap} s; two workers start together, and a fast drain is well on its way before the"
        f" second is up. Latency: {latencies} jobs, 20 ms apart, idle worker, from the enqueue call"
        f" to the handler; round trip: to the result known by the queue's own means; an n beside it where {cap} s let no more"
        " through. All with default durability; Redis (valkey) writes nothing to disk. Beside a drain stands the worker's mode,"
        " explained below."
    )
    failures = [f"{row['peer']} {row['what']} (repetition {row['repetition']})" for row in lines.failed]
    return f"{words} **Failed: {', '.join(failures)}.**" if failures else words


def _everybody(lines: Lines) -> str:
    expected = max((row["n"] for name in lines.peers for row in lines.find(name, "latency")), default=0)
    table = []
    for name in lines.peers:
        if name != FLOOR and name in lines.info:
            one, two = (next(iter(lines.modes(name, workers).values()), []) for workers in (1, 2))
            row = [f"**{name}**" if name == OURS else name, lines.info[name]["store"]]
            row += [_rate(lines.find(name, "enqueue_one")), _rate(lines.find(name, "enqueue_bulk"))]
            row += [_rate(one, mode=True), _rate(two, mode=True)]
            row += [_latency(lines.find(name, what), expected) for what in ("latency", "roundtrip")]
            row += [_memory(lines.find(name, "memory")), _rate(lines.find(name, "start"))]
            table.append(row)
    return _table(HEAD, table)


def _against(lines: Lines) -> str:
    """How many times as fast Taskbell is as the fastest of each kind: above 1, it is ahead."""

    def best_drain(workers: int, name: str) -> list[Row]:
        return next(iter(lines.modes(name, workers).values()), [])

    def taken(measure: str) -> Any:
        return lambda name: lines.find(name, measure)

    measures: list[tuple[str, str, Any, Any]] = [
        ("enqueue one by one", "", taken("enqueue_one"), None),
        ("enqueue in bulk", "", taken("enqueue_bulk"), None),
        *(
            (f"drain, 1 worker, {mode}", "", lambda name: best_drain(1, name), rows)
            for mode, rows in lines.modes(OURS, 1).items()
        ),
        ("drain, 2 workers", "", lambda name: best_drain(2, name), None),
        *(
            (f"{words}, {key}", key, taken(measure), None)
            for measure, words in (("latency", "enqueue → handler"), ("roundtrip", "round trip"))
            for key in ("p50", "p99")
        ),
    ]
    table = []
    for words, key, find, own in measures:
        ours = own or find(OURS)
        if ours:
            row = [words, number(median(ours, key))]
            for group in GROUPS:
                rivals = [name for name in lines.peers if name != OURS and lines.group(name) == group and find(name)]
                wanted = WANTED.get(words, {}).get(group[0], 1.0)
                row += _best(
                    median(ours, key), {name: median(find(name), key) for name in rivals}, wanted, low=bool(key)
                )
            table.append(row)
    head = ["measure", OURS]
    for language, store in GROUPS:
        head += [f"fastest in {language} on {store.capitalize()}", "times as fast"]
    return _table(head, table)


def _best(ours: float, theirs: dict[str, float], wanted: float, *, low: bool) -> list[str]:
    if not theirs:
        return ["–", ""]
    name = (min if low else max)(theirs, key=lambda one: theirs[one])
    ratio = theirs[name] / ours if low else ours / theirs[name]
    return [f"{name} {number(theirs[name])}", f"{ratio:.2f} ×{'' if ratio >= wanted else f' **< {wanted:g}**'}"]


def _all_modes(lines: Lines) -> str:
    table = [
        [name, mode, _rate(rows), _rate(lines.modes(name, 2).get(mode, []))]
        for name in lines.peers
        for mode, rows in lines.modes(name, 1).items()
        if len(lines.modes(name, 1)) > 1
    ]
    return _table(("queue", "mode of its worker", "drain, 1 worker, /s", "drain, 2 workers, /s"), table)


def _floor(lines: Lines) -> str:
    table = [
        [
            f"{row['batch']:,}",
            str(row["clients"]),
            f"{number(row['median'])} ({number(row['min'])}–{number(row['max'])})",
        ]
        for row in lines.find(FLOOR, "claim_finish")
    ]
    inserts = [
        [
            "one bare insert a commit",
            str(row["clients"]),
            f"{number(row['median'])} ({number(row['min'])}–{number(row['max'])})",
        ]
        for row in lines.find(FLOOR, "insert_commit")
    ]
    return _table(("bare claim and finish: jobs a statement", "connections", "jobs/s"), table + inserts)


def _settings(lines: Lines) -> str:
    said = []
    for name in (peer for peer in lines.peers if peer in lines.info):
        info = lines.info[name]
        pinned = {key: value for key, value in info["settings"].items() if re.match(r"\d+\.\d+", str(value))}
        words = [f"{key} {value}" for key, value in (pinned | info["versions"]).items()]
        words += [f"{key}: {value}" for key, value in info["settings"].items() if key not in pinned]
        for measure, what in (("enqueue_bulk", "bulk"), ("roundtrip", "round trip")):
            words += [f"{what}: {row['api']}" for row in lines.find(name, measure)[:1]]
        said.append(f"- {name}: {'; '.join(words)}")
    return "\n".join(said)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
