"""`make bench`, `make bench-long`: measure on servers of its own, print a table, write it into the docs when asked to."""

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import drain, enqueue, footprint, latency, long, report, rest, steady, websockets
from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import Stage

Measure = Callable[[Stage], list[Figure]]


def main() -> None:
    """Run what was asked for."""
    wanted = _arguments()
    if wanted.runs:
        report.write_runs()
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a websocket is a file, here and in what we start
    load, began = os.getloadavg()[0], time.monotonic()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        try:
            with stage.place() as place:
                postgres = str(place.value("show server_version"))
            for name, measure in _measures(wanted).items():
                if not wanted.only or name in wanted.only:
                    found = measure(stage)
                    report.print_table(found)
                    figures += found
        finally:
            stage.close()
    told = f"{report.facts(postgres, load)} {time.monotonic() - began:.0f} seconds."
    print(f"\n{told}\n{sum(one.met is False for one in figures)} goals missed.")
    if not wanted.long and not wanted.only and wanted.size == 1:
        report.keep(figures, told)
    if wanted.write:
        report.write(figures, told)


def _measures(wanted: argparse.Namespace) -> dict[str, Measure]:
    size, repeats = wanted.size, wanted.repeats
    tasks, seconds, rounds = round(50_000 * size), 3 * size, max(20, round(200 * size))
    if wanted.long:
        return {
            "burdens": lambda stage: long.measure(stage, tasks, repeats, 300 * size),
            "steady": lambda stage: steady.measure(stage, 60 * wanted.minutes, tasks, repeats),
        }
    return {
        "latency": lambda stage: latency.measure(stage, rounds, repeats, 8 * size),
        "drain": lambda stage: drain.measure(stage, tasks, repeats),
        "enqueue": lambda stage: enqueue.measure(stage, seconds, repeats),
        "rest": lambda stage: rest.measure(stage, seconds, repeats),
        "websockets": lambda stage: websockets.measure(stage, round(10_000 * size), (1_000, 2_000, 5_000), repeats),
        "footprint": lambda stage: footprint.measure(stage, repeats),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "only", nargs="*", help="only these: latency drain enqueue rest websockets footprint burdens steady"
    )
    parser.add_argument("--long", action="store_true", help="a million rows, a held transaction, steady load")
    parser.add_argument("--size", type=float, default=1.0, help="of everything; 0.05 shows whether it works")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=60.0, help="of steady load, with --long")
    parser.add_argument(
        "--write", action="store_true", help="put tables and pictures into docs/explanation/performance.md"
    )
    parser.add_argument(
        "--runs", action="store_true", help="measure nothing: put the last three whole runs' goals there"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
