"""How fast tasks get in over HTTP: one API process, 1, 16 and 64 clients that each wait for their answer."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from db.settings import ROOT
from tests.benchmarks.enqueue import BARE, INSERT
from tests.benchmarks.figure import Figure, quantiles
from tests.benchmarks.stage import KEY, Stage, cpu_seconds

GOALS = {1: None, 16: None, 64: 3_000.0}


def measure(stage: Stage, seconds: float, repeats: int) -> list[Figure]:
    """Return requests a second, each beside bare inserts by as many clients."""
    return [_measure(stage, clients, seconds, repeats) for clients in GOALS]


def _measure(stage: Stage, clients: int, seconds: float, repeats: int) -> Figure:
    rates, bare, late, spent = [], [], [], []
    for _ in range(repeats):
        with stage.place() as place:
            place.sql.execute(BARE)
            place.know("echo")
            bare.append(place.pgbench(INSERT, clients=clients, seconds=seconds))
            base, process = place.api()
            load(base, clients=1, seconds=0.2)
            before = cpu_seconds(process)
            found = load(base, clients=clients, seconds=seconds)
            spent.append((cpu_seconds(process) - before) / max(found["all"], 1) * 1e6)
            rates.append(found["rate"])
            late.append(quantiles(found["seconds"])[1])
    note = (
        f"p99 {sorted(late)[len(late) // 2]:.1f} ms, {sorted(spent)[len(spent) // 2]:.0f} µs of the API's CPU a request"
    )
    name = f"POST /api/tasks, {clients} client{'s' if clients > 1 else ''}"
    return Figure(
        "Enqueue over HTTP",
        name,
        "/s",
        rates,
        floor=bare,
        floor_name="bare inserts",
        at_least=GOALS[clients],
        note=note,
    )


def load(base: str, *, clients: int, seconds: float) -> dict[str, Any]:
    """Run the load generator; return its answer: requests a second, each one's seconds, the number of all of them."""
    address = urlsplit(base)
    arguments = [str(address.hostname), str(address.port), KEY, str(clients), str(seconds)]
    command = [sys.executable, "-m", "tests.benchmarks.load", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
