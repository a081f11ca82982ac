"""The end of a worker: what runs may end, what has not begun goes back, and in the end so does the rest."""

import asyncio
import logging
from collections.abc import Collection
from time import monotonic

from worker.lane import Lane

DRAIN = (
    20.0  # seconds that running tasks have after the first SIGTERM or SIGINT; then they are broken off, free of charge
)
BREAK_OFF = 2.0  # seconds that broken-off tasks have to end
BREAK_OFF_AT_ONCE = 0.5  # likewise, after a second signal
LOOK = 0.02  # seconds between looks whether all has ended

log = logging.getLogger("worker")


async def drain(lanes: Collection[Lane], hurried: asyncio.Event) -> None:
    """Close the lanes and let what runs in them end; until `hurried` or too late, then break it off."""
    running = sum(len(lane.running) for lane in lanes)
    log.info("worker stops: %d tasks still run, and have %.0f s", running, DRAIN)
    for lane in lanes:
        lane.close()
    await _until_idle(lanes, DRAIN, hurried)
    for lane in lanes:
        lane.stop("shutdown")
    await _until_idle(lanes, BREAK_OFF_AT_ONCE if hurried.is_set() else BREAK_OFF, asyncio.Event())
    for lane in lanes:
        for run in list(lane.running.values()):
            lane.abandon(run)


async def _until_idle(lanes: Collection[Lane], within: float, hurried: asyncio.Event) -> None:
    until = monotonic() + within
    # A claim that is under way counts: what it brings must be given back.
    while any(lane.busy or lane.looking for lane in lanes):
        if monotonic() > until or hurried.is_set():
            return
        await asyncio.sleep(LOOK)
