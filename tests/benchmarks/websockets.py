"""Waiting websockets: what they cost an API process, and how late they hear when many tasks end."""

import json
import subprocess
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from db.settings import ROOT
from tests.benchmarks.drain import CLAIM, QUEUE, complete
from tests.benchmarks.figure import Figure, quantiles
from tests.benchmarks.stage import Place, Stage, memory
from tests.live.driver import token

BATCH = 20  # tasks that end in one commit


def measure(stage: Stage, waiting: int, rate: int) -> list[Figure]:
    """Let so many websockets wait for a task each, then end them at this rate."""
    with stage.place() as place:
        worker = place.know("echo")
        place.sql.execute("select taskbell.configure(%s, exclusive => false)", [QUEUE])
        base, api = place.api()
        idle = memory(api)[0]
        place.fill(QUEUE, waiting)
        rows = _claim(place, worker)
        listeners = _listen(base, [str(row[0]) for row in rows])
        try:
            assert listeners.stdout
            assert listeners.stdout.readline() == "ready\n", "see the lines above"
            full = memory(api)[0]
            ended = _end(place, rows, rate)
            heard = json.loads(listeners.stdout.readline())
        finally:
            listeners.kill()
            listeners.wait()
    p50, p99 = quantiles([heard[task] - at for task, at in ended.items()])
    spread = max(ended.values()) - min(ended.values())
    reached = f"{(waiting - BATCH) / spread:,.0f} results a second" if spread else ""
    name = f"{waiting:,} waiting websockets"
    return [
        Figure(
            "Websockets", f"{name}: memory of the API", "MB", [full], at_most=400.0, note=f"{idle:.0f} MB with none"
        ),
        Figure("Websockets", f"{name}: end of a task → message, p50", "ms", [p50], note=reached),
        Figure("Websockets", f"{name}: end of a task → message, p99", "ms", [p99], at_most=50.0),
    ]


def _claim(place: Place, worker: str) -> list[Any]:
    rows: list[Any] = []
    while some := place.app.execute(CLAIM, [worker, QUEUE, 1000]).fetchall():
        rows += some
    return rows


def _listen(base: str, ids: list[str]) -> subprocess.Popen[str]:
    address = urlsplit(base)
    command = [sys.executable, "-m", "tests.benchmarks.sockets", str(address.hostname), str(address.port)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    for task in ids:
        process.stdin.write(f"{task} {token(task)}\n")
    process.stdin.close()
    return process


def _end(place: Place, rows: list[Any], rate: int) -> dict[str, float]:
    """Complete the tasks in small batches at that rate; return when each batch's call began."""
    ended: dict[str, float] = {}
    due = time.monotonic()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        time.sleep(max(0.0, due - time.monotonic()))
        due += BATCH / rate
        ended |= dict.fromkeys((str(row[0]) for row in batch), time.monotonic())
        complete(place.app, batch)
    return ended
