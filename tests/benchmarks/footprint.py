"""What each process takes when idle, and how long it needs to start."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from db.settings import ROOT
from tests.benchmarks import bare_process
from tests.benchmarks.figure import Figure, middle
from tests.benchmarks.stage import Place, Stage, memory

GROUP = "Footprint"
SETTLED = 2.0  # seconds
FLOORS = {"worker": "psycopg, redis, asyncio", "web": "empty Starlette on uvicorn, psycopg"}


@dataclass
class Taken:
    """What the repeats of one process took: seconds to its first answer, MB with its children, MB without what is shared."""

    start: list[float] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    pss: list[float] = field(default_factory=list)
    processes: int = 1

    def note(self, began: float, pid: int) -> None:
        """Take note of a process that has just answered."""
        self.start.append(time.monotonic() - began)
        time.sleep(SETTLED)
        rss, pss, self.processes = memory(pid)
        self.rss.append(rss)
        self.pss.append(pss)


def measure(stage: Stage, repeats: int) -> list[Figure]:
    """Return start time (to the first good answer, or to be known as alive) and memory of each, beside bare ones."""
    starts: dict[str, tuple[str, Callable[[Place], int]]] = {
        "worker": ("worker", lambda place: place.worker().pid),
        "API": ("web", lambda place: place.api()[1].pid),
        "admin": ("web", lambda place: place.admin().pid),
    }
    bare = {kind: Taken() for kind in FLOORS}
    ours = {name: Taken() for name in starts}
    for _ in range(repeats):
        for kind, taken in bare.items():
            with stage.place() as place:
                began = time.monotonic()
                process = start_bare(kind, place.database.url)
                taken.note(began, process.pid)
                process.kill()
                process.wait()
        for name, (_, start) in starts.items():
            with stage.place() as place:
                began = time.monotonic()
                ours[name].note(began, start(place))
    figures = []
    for name, (kind, _) in starts.items():
        taken, floor = ours[name], bare[kind]
        many = f"{taken.processes} process{'es' if taken.processes > 1 else ''}"
        note = f"{middle(taken.pss):.0f} MB PSS, {many}"
        figures += [
            Figure(GROUP, f"{name}: start", "s", taken.start, floor=floor.start, floor_name=FLOORS[kind]),
            Figure(GROUP, f"{name}: memory", "MB", taken.rss, floor=floor.rss, floor_name=FLOORS[kind], note=note),
        ]
    return figures


def start_bare(kind: str, url: str, port: int = 0) -> subprocess.Popen[str]:
    """Start a bare process, and wait until it says that it is ready."""
    command = [sys.executable, "-m", bare_process.__name__, kind, url, str(port)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process
