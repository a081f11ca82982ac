"""Looks at what runs, twenty times a second: who is out of time, who does not stop, who should be announced."""

import asyncio
from collections.abc import Mapping
from time import monotonic

from worker.lane import Lane
from worker.pulse import Pulse
from worker.reporter import Reporter
from worker.rights import Rights
from worker.run import GRACE

TICK = 0.05  # seconds
LASTS = 0.1  # seconds after which watchers are told that a task runs


async def watch(lanes: Mapping[str, Lane], reporter: Reporter, rights: Rights, pulse: Pulse) -> None:
    """Watch until cancelled."""
    while True:
        await asyncio.sleep(TICK)
        pulse.listen()  # before judging: while the loop was busy, reports may have come in
        now = monotonic()
        rights.expire(now)
        for lane in list(lanes.values()):
            if lane.running:
                look_at(lane, reporter, now)


def look_at(lane: Lane, reporter: Reporter, now: float) -> None:
    """Do to each of a lane's runs what is due."""
    for run in list(lane.running):
        if run.settled:
            continue
        age = now - run.began
        if age > LASTS and not run.announced:
            run.announced = True
            reporter.progressed(run)
        if run.stop is None:
            if age > run.timeout:
                lane.ask(run, "timeout")
        elif now - run.asked_at > GRACE:
            lane.abandon(run)
    lane.check_pace(now)
