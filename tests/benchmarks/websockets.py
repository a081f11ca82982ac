"""Waiting websockets: what they cost an API process, and how late they hear when many tasks end."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from db.embedded import free_port
from db.settings import ROOT
from tests.benchmarks import bare_listener, sockets
from tests.benchmarks.drain import QUEUE, claim, complete
from tests.benchmarks.figure import Figure, middle, quantiles
from tests.benchmarks.footprint import start_bare
from tests.benchmarks.stage import Place, Stage, memory
from tests.live.driver import token

GROUP = "Websockets"
BATCH = 20  # tasks that end in one commit
GOAL_RATE = 2_000  # results a second, of the goal
Latency = tuple[float, float]  # p50 and p99 in ms


def measure(stage: Stage, waiting: int, rates: Sequence[int], repeats: int) -> list[Figure]:
    """Let so many websockets wait for a task each, then end them, at each of these rates; beside bare LISTEN of as many.

    The goal's rate in each repetition, the others in the first.
    """
    figures = []
    idle: list[float] = []
    full: list[float] = []
    name = f"{waiting:,} waiting websockets"
    for rate in rates:
        bare: list[Latency] = []
        ours: list[Latency] = []
        reached: list[float] = []
        for _ in range(repeats if rate == GOAL_RATE else 1):
            bare.append(_hear(stage, waiting, rate, None)[0])
            memories: list[float] = []
            heard, fast = _hear(stage, waiting, rate, memories)
            ours.append(heard)
            reached.append(fast)
            idle.append(memories[0])
            full.append(memories[1])
        what = f"{name}, {rate:,} results a second: end of a task → message"
        figures += [
            Figure(
                GROUP,
                f"{what}, {quantile}",
                "ms",
                [each[place] for each in ours],
                floor=[each[place] for each in bare],
                floor_name="heard by a bare listener",
                **more,
            )
            for place, (quantile, more) in enumerate(
                {
                    "p50": {"note": f"{middle(reached):,.0f} a second reached"},
                    "p99": {"at_most": 50.0 if rate == GOAL_RATE else None},
                }.items()
            )
        ]
    memory_of = Figure(
        GROUP,
        f"{name}: memory of the API",
        "MB",
        full,
        at_most=400.0,
        note=f"{middle(idle):.0f} MB with none",
        floor=[_bare_memory(stage, waiting)],
        floor_name="empty Starlette on uvicorn with as many",
    )
    return [memory_of, *figures]


def _bare_memory(stage: Stage, waiting: int) -> float:
    """Return the MB of a server that does nothing but hold so many websockets."""
    port = free_port()
    with stage.place() as place, start_bare("web", place.database.url, port) as server:
        lines = [f"task-{number} {'a-token-as-long-as-ours'.ljust(100, '-')}" for number in range(waiting)]
        clients = _start([sockets.__name__, "127.0.0.1", str(port)], lines)
        try:
            assert clients.stdout
            assert clients.stdout.readline() == "ready\n", "see the lines above"
            return memory(server.pid)[0]
        finally:
            for process in (clients, server):
                process.kill()
                process.wait()


def _hear(stage: Stage, waiting: int, rate: int, memories: list[float] | None) -> tuple[Latency, float]:
    """Return how late they hear, and the rate that was reached. `memories` takes the API's; without it no API is there."""
    with stage.place() as place:
        worker = place.know("echo")
        place.sql.execute("select taskbell.configure(%s, exclusive => false)", [QUEUE])
        place.fill(QUEUE, waiting)
        rows = _claim(place, worker)
        ids = [row[0] for row in rows]
        if memories is None:
            listeners = _start([bare_listener.__name__, place.database.url], ids)
        else:
            base, api = place.api()
            memories.append(memory(api.pid)[0])
            address = urlsplit(base)
            arguments = [sockets.__name__, str(address.hostname), str(address.port)]
            listeners = _start(arguments, [f"{task} {token(task)}" for task in ids])
        try:
            assert listeners.stdout
            assert listeners.stdout.readline() == "ready\n", "see the lines above"
            if memories is not None:
                memories.append(memory(api.pid)[0])
            ended = _end(place, rows, rate)
            heard = json.loads(listeners.stdout.readline())
            if memories is not None:
                memories[1] = max(memories[1], memory(api.pid)[0])
        finally:
            listeners.kill()
            listeners.wait()
    spread = max(ended.values()) - min(ended.values())
    return quantiles([heard[task] - at for task, at in ended.items()]), (waiting - BATCH) / spread


def _claim(place: Place, worker: str) -> list[Any]:
    rows: list[Any] = []
    some: list[Any] = []
    while some := claim(place.app, worker, 1000, some[:1]):
        rows += some
    return rows


def _start(arguments: Sequence[str], lines: Sequence[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin
    process.stdin.writelines(f"{line}\n" for line in lines)
    process.stdin.close()
    return process


def _end(place: Place, rows: list[Any], rate: int) -> dict[str, float]:
    """Complete the tasks in small batches at that rate; return when each was due, so that no stall is forgiven."""
    ended: dict[str, float] = {}
    due = time.monotonic()
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        time.sleep(max(0.0, due - time.monotonic()))
        complete(place.app, batch)
        ended |= dict.fromkeys((row[0] for row in batch), due)
        due += BATCH / rate
    return ended
