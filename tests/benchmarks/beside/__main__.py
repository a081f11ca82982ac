"""`make bench-peers`: Taskbell beside other queues, in turns: repetition 1 of everybody, then 2, and so on.

The harness and the peers are no part of this tree: PEERS names the folder with bench.py, PEERS_HOME where its install.sh put
the peers (default /tmp/peers). Its services.sh starts the two stores and needs root.
"""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

from db.settings import ROOT
from tests.benchmarks import report
from tests.benchmarks.beside import table
from tests.benchmarks.beside.rivals import MEASURES, RIVALS, SIZES, Harness, Rival

LINES = ROOT / ".reports" / "beside.jsonl"
LOCK = Path(os.environ.get("BENCH_LOCK") or "/tmp/bench.lock")  # whoever measures on this machine holds it
PORT = 5499  # of the harness's Postgres
MARK = "beside"


def main() -> None:
    """Measure, or read what was measured; print the tables, write them into the docs when asked to."""
    wanted = _arguments()
    if wanted.lines:
        rows = [json.loads(line) for line in Path(wanted.lines).read_text().splitlines()]
    else:
        chosen = [rival for rival in RIVALS if not wanted.peers or rival.name in wanted.peers]
        harness = Harness.find(chosen)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit("asked to stop"))  # so that what was started is ended
        with _stores(harness):
            rows = _measure(harness, chosen, wanted)
    told = table.markdown(rows)
    print(told)
    if wanted.write:
        report.put(MARK, told)
    if any(row["measure"] == "failed" for row in rows):
        raise SystemExit("something failed, see above")


def _measure(harness: Harness, chosen: list[Rival], wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """Run everybody in turns; each line goes to a file at once, so that nothing measured is lost."""
    load, rows = os.getloadavg()[0], []
    LINES.parent.mkdir(exist_ok=True)
    with LINES.open("w") as file:

        def keep(row: dict[str, Any]) -> None:
            rows.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()

        for repetition in range(1, wanted.repeats + 1):
            for measure in wanted.measures:
                for rival in chosen:
                    if step := rival.step(measure, repetition):
                        for row in _turn(harness, rival, step, wanted):
                            keep(row | {"repetition": repetition})
            keep({"measure": "facts", "told": _facts(load), "repeats": repetition, "size": wanted.size})
    return rows


def _turn(harness: Harness, rival: Rival, measure: str, wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """Measure one peer once, alone on the machine as far as the lock reaches."""
    with LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        try:
            rows = harness.measure(rival, measure, wanted.size, all_modes=wanted.all_modes)
        except RuntimeError as error:
            rows = [{"peer": rival.name, "measure": "failed", "what": measure, "error": str(error)}]
            print(f"{rival.name} {measure} failed:\n{error}", flush=True)
        took = time.monotonic() - began
    rows.append({"peer": rival.name, "measure": "took", "what": measure, "seconds": took})
    for line in filter(None, map(table.summary, rows)):
        print(line, flush=True)
    return rows


@contextlib.contextmanager
def _stores(harness: Harness) -> Iterator[None]:
    """Have the harness's two stores run; stop them afterwards unless they ran before."""
    with socket.socket() as one:
        running = one.connect_ex(("127.0.0.1", PORT)) == 0
    if not running:
        _services(harness, "start")
    try:
        yield
    finally:
        if not running:
            _services(harness, "stop")


def _services(harness: Harness, verb: str) -> None:
    with tempfile.TemporaryFile("w+") as output:  # a pipe would be held open by the servers
        command = ["bash", str(harness.folder / "services.sh"), verb]
        env = os.environ | {"PEERS_HOME": str(harness.home)}
        code = subprocess.call(command, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        output.seek(0)
        if code and verb == "start":
            raise SystemExit(f"the peers' stores do not start: {output.read().strip()}")


def _facts(load: float) -> str:
    with psycopg.connect(f"postgresql://postgres@127.0.0.1:{PORT}/postgres") as connection:
        row = connection.execute("show server_version").fetchone()
        assert row
    return report.facts(str(row[0]), load)


def _arguments() -> argparse.Namespace:
    names = [rival.name for rival in RIVALS]
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("peers", nargs="*", metavar="peer", help=f"only these: {' '.join(names)}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--measures", nargs="+", choices=MEASURES, default=MEASURES[:3], help="default: the first three"
    )
    parser.add_argument(
        "--size", choices=SIZES, default="full", help="quick: fewer jobs; large: longer drains; smoke: does it work?"
    )
    parser.add_argument("--all-modes", action="store_true", help="every setting of a peer's worker, not its best alone")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/explanation/performance.md")
    parser.add_argument("--lines", help=f"measure nothing, read this file of an earlier run ({LINES.name})")
    wanted = parser.parse_args()
    if unknown := set(wanted.peers) - set(names):
        parser.error(f"no such peer: {' '.join(sorted(unknown))} (choose from {' '.join(names)})")
    return wanted


if __name__ == "__main__":
    main()
