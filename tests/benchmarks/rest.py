"""How fast tasks get in over HTTP: one API process, 1, 16 and 64 clients that each wait for their answer."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

from db.settings import ROOT
from tests.benchmarks import bare
from tests.benchmarks.figure import Figure, middle, quantiles
from tests.benchmarks.stage import KEY, Stage, cpu_seconds

CLIENTS = (1, 16, 64)
GOAL = 3_000.0  # a second, with the most clients


def measure(stage: Stage, seconds: float, repeats: int) -> list[Figure]:
    """Return requests a second, each beside bare inserts by as many clients; with the most also while a worker runs them."""
    figures = [_measure(stage, clients, seconds, repeats, worker=False) for clients in CLIENTS]
    return [*figures, _measure(stage, max(CLIENTS), seconds, repeats, worker=True)]


def _measure(stage: Stage, clients: int, seconds: float, repeats: int, *, worker: bool) -> Figure:
    rates, floor, late, spent = [], [], [], []
    for _ in range(repeats):
        with stage.place() as place:
            place.sql.execute(bare.TABLES)
            place.know("echo")
            floor.append(place.pgbench(bare.INSERT, clients=clients, seconds=seconds))
            base, process = place.api()
            if worker:
                place.worker()
            warm = load(base, clients=1, seconds=0.2)["all"]
            before = cpu_seconds(process)
            found = load(base, clients=clients, seconds=seconds)
            spent.append((cpu_seconds(process) - before) / max(found["all"], 1) * 1e6)
            rates.append(found["rate"])
            late.append(quantiles(found["seconds"])[1])
            assert place.value("select count(*) from taskbell.tasks") == warm + found["all"], (
                "acknowledged and not there"
            )
    note = f"p99 {middle(late):.1f} ms, {middle(spent):.0f} µs of the API's CPU a request"
    name = f"POST /api/tasks, {clients} client{'s' if clients > 1 else ''}{', a worker running them' if worker else ''}"
    goal = GOAL if clients == max(CLIENTS) else None
    return Figure(
        "Enqueue over HTTP", name, "/s", rates, floor=floor, floor_name="bare inserts", at_least=goal, note=note
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
