"""What each process takes when idle, and how long it needs to start."""

import time
from collections.abc import Callable

from tests.benchmarks.figure import Figure
from tests.benchmarks.stage import Place, Stage, memory
from tests.servers import Process

SETTLED = 2.0  # seconds


def measure(stage: Stage, repeats: int) -> list[Figure]:
    """Return start time (to the first good answer, or to be known as alive) and memory of each process with its children."""
    starts: dict[str, Callable[[Place], Process]] = {
        "worker": lambda place: place.worker(),
        "API": lambda place: place.api()[1],
        "admin": lambda place: place.admin(),
    }
    figures = []
    for name, start in starts.items():
        took, rss, pss, count = [], [], [], 1
        for _ in range(repeats):
            with stage.place() as place:
                began = time.monotonic()
                process = start(place)
                took.append(time.monotonic() - began)
                time.sleep(SETTLED)
                resident, proportional, count = memory(process)
                rss.append(resident)
                pss.append(proportional)
        note = f"{sorted(pss)[len(pss) // 2]:.0f} MB PSS, {count} process{'es' if count > 1 else ''}"
        figures.append(Figure("Footprint", f"{name}: start", "s", took))
        figures.append(Figure("Footprint", f"{name}: memory", "MB", rss, note=note))
    return figures
