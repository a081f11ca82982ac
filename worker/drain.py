"""The end of a worker: what runs may end, what has not begun goes back, and in the end so does the rest."""

import asyncio
import contextlib
import logging
from collections.abc import Collection
from time import monotonic
from uuid import UUID

from db.errors import DatabaseError
from db.worker_client import WorkerClient
from worker.desk import Desk
from worker.lane import Lane
from worker.lock import Locks
from worker.reporter import Reporter

DRAIN = (
    20.0  # seconds that running tasks have after the first SIGTERM or SIGINT; then they are broken off, free of charge
)
BREAK_OFF = 2.0  # seconds that broken-off tasks have to end
BREAK_OFF_AT_ONCE = 0.5  # likewise, after a second signal
LOOK = 0.02  # seconds between looks whether all has ended
TELL, TELL_AT_ONCE = 5.0, 1.0  # seconds for the last outcomes
GOODBYE, GOODBYE_AT_ONCE = 2.0, 0.5  # seconds for each of the rest, whether they are told or not

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
        for run in list(lane.running):
            lane.abandon(run)


async def say_goodbye(
    reporter: Reporter, desk: Desk, locks: Locks, client: WorkerClient, worker: UUID, *, hurried: bool
) -> None:
    """Tell what has ended and give up all that is held, as far as the database and Redis answer."""
    within = GOODBYE_AT_ONCE if hurried else GOODBYE
    try:
        await _until_told(reporter, TELL_AT_ONCE if hurried else TELL)
        async with asyncio.timeout(within):
            await desk.close()  # else what a lost answer claimed would be taken for begun, and charged
        await _until_told(reporter, within / 4)  # also what the last claim brought
        async with asyncio.timeout(within):
            await locks.close()  # before the ring that says goodbye
            await client.deregister(worker)
    except (DatabaseError, TimeoutError):
        log.error("worker stopped, but could not say so: others take over within a lease")  # noqa: TRY400 - known
    else:
        log.info("worker stopped")
    if untold := len(reporter.unsettled()):
        log.error("what became of %d tasks could not be told: they run again, and may be charged for this time", untold)


async def _until_told(reporter: Reporter, within: float) -> None:
    """Wait until all outcomes are told, or so long: somebody's open transaction may hold one of their rows."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reporter.drained(), within)


async def _until_idle(lanes: Collection[Lane], within: float, hurried: asyncio.Event) -> None:
    until = monotonic() + within
    # A claim that is under way counts: what it brings must be given back.
    while any(lane.busy or lane.looking for lane in lanes):
        if monotonic() > until or hurried.is_set():
            return
        await asyncio.sleep(LOOK)
