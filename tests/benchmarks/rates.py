"""How long tasks take that come at a rate, each counted from when it was due: ours, and a bare round trip as their floor."""

import json
import subprocess
import sys
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from db.settings import ROOT
from tests.benchmarks import bare_worker, paced
from tests.benchmarks.stage import KEY, Place, connect

AHEAD = 0.1  # seconds until the first is due


def ours(base: str, rate: int, seconds: float) -> tuple[list[float], float]:
    """Return the seconds from when a POST was due to its websocket message, and how many a second there were."""
    address = urlsplit(base)
    arguments = [str(address.hostname), str(address.port), KEY, str(rate), str(seconds)]
    command = [sys.executable, "-m", paced.__name__, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["seconds"], answer["rate"]


def bare(place: Place, rate: int, seconds: float) -> list[float]:
    """Return the seconds of bare round trips: they end in the order in which they came; beside an idle worker and API."""
    sending, hearing = connect(place.database.url), connect(place.database.url)
    hearing.execute("listen bare_done")
    with bare_worker.started(place.database.url), sending, hearing:
        began = time.monotonic() + AHEAD
        dues = [began + number / rate for number in range(round(rate * (seconds + paced.WARM_SECONDS)))]

        def send() -> None:
            for due in dues:
                time.sleep(max(0.0, due - time.monotonic()))
                sending.execute(bare_worker.SEND)

        sender = threading.Thread(target=send)
        sender.start()
        rings = hearing.notifies(timeout=seconds + paced.PATIENCE, stop_after=len(dues))
        taken = [time.monotonic() - due for due, _ in zip(dues, rings, strict=True)]
        sender.join()
    return taken[round(rate * paced.WARM_SECONDS) :]
