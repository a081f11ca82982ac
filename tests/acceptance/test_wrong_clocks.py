"""Workers with wrong clocks: never two at work in one exclusive queue, and at most the stated overlap where one runs slow."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.acceptance.ledger import begun, side_by_side, spans
from tests.acceptance.own_servers import OwnValkey
from tests.acceptance.tasks import uptime
from tests.freeze_proxy import FreezeProxy
from tests.servers import ROOT, Database, Process

Start = Callable[..., Process]
DAY = 86_400.0
LOCK_LIFE, MARGIN, BEAT = 5.0, 0.25, 1.5
TASKS, SECONDS = 120, 0.05

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform != "linux", reason="the true time comes from Linux's /proc/uptime"),
]


def wrong(wall: list[float], rate: float = 1.0, monotonic: float = 0.0) -> dict[str, str]:
    """Return the environment of a process whose clocks are that wrong."""
    return {
        "PYTHONPATH": str(ROOT / "tests" / "acceptance" / "wrong_clock"),
        "TEST_CLOCK": json.dumps({"wall": wall, "rate": rate, "monotonic": monotonic}),
    }


def test_two_workers_with_wrong_and_jumping_clocks_never_share_an_exclusive_queue(
    queue: Any, worker: Start, record: Path, own_valkey: OwnValkey
) -> None:
    early = worker(**wrong([DAY, DAY + 3600, -DAY], monotonic=1e6), REDIS_URL=own_valkey.url())
    early.wait_until(lambda: "won queue default" in early.log())
    shown = queue.wait(queue.enqueue("clocks"))["result"]
    assert abs(shown["wall"] - time.time()) > DAY - 4000, "its clock is wrong indeed"
    assert shown["monotonic"] - shown["true"] > 1e5
    late = worker(**wrong([-30.0 * DAY, 5.0]), REDIS_URL=own_valkey.url())
    queue.many([{"task": "record", "payload": {"path": str(record), "n": n, "seconds": SECONDS}} for n in range(TASKS)])
    with redis.Redis.from_url(own_valkey.url()) as client:
        for share in range(1, 6):  # the lock goes from one to the other, or is won again
            done = "select count(*) >= %s from taskbell.tasks where status = 'succeeded' and task = 'record'"
            queue.until(done, share * TASKS // 8, seconds=40)
            client.flushall()
    queue.until("select count(*) = %s from taskbell.tasks where status = 'succeeded'", TASKS + 1, seconds=60)
    assert side_by_side(record) == [], "never two at once, as they were written down"
    runs = begun(record)
    assert set(runs) == set(range(TASKS))
    assert sum(runs.values()) - TASKS <= 5, "only what a flush broke off ran again"
    for process in (early, late):
        assert process.popen.poll() is None
        assert "could not be confirmed" not in process.log(), "a wrong clock alone costs nobody his queue"


@pytest.mark.parametrize("rate", [0.97, 0.6])
def test_a_holder_cut_off_with_a_slow_clock_overlaps_no_longer_than_its_clock_is_slow(
    queue: Any,
    worker: Start,
    database: Database,
    record: Path,
    own_valkey: OwnValkey,
    slack: Callable[[], float],
    rate: float,
) -> None:
    with FreezeProxy(own_valkey.port) as locks, FreezeProxy(database.server.port) as tables:
        through = database.url.replace(f":{database.server.port}/", f":{tables.port}/")
        slow = worker(**wrong([-DAY], rate), REDIS_URL=own_valkey.url(locks.port), DATABASE_URL=through)
        slow.wait_until(lambda: "won queue default" in slow.log())
        fast = worker(**wrong([DAY], 1.5), REDIS_URL=own_valkey.url())
        task = queue.enqueue("lasts", {"path": str(record), "n": 0, "seconds": 9})
        queue.until_running(task)
        locks.freeze()
        tables.freeze()
        cut_off = uptime()
        queue.until("select attempt = 2 and started_at is not null from taskbell.tasks where id = %s", task, seconds=30)
        slow.wait_until(lambda: "could not be confirmed" in slow.log(), 20)
        locks.thaw()
        tables.thaw()
        done = queue.wait(task, 30)
    assert (done["status"], done["attempt"]) == ("succeeded", 2), "what the slow one says does not count"
    first, second = spans(record)
    taken = LOCK_LIFE - BEAT / rate  # at the earliest: its last beat may be as old as it thinks 1.5 s are
    assert taken - 0.2 < second.begin - cut_off < LOCK_LIFE + 2.5 + slack(), (
        "the other one's fast clock hurries nothing"
    )
    bound = (LOCK_LIFE - MARGIN) / rate - LOCK_LIFE  # below 0: never
    assert first.end - second.begin < bound + slack() + 0.1, "how long two workers' tasks ran beside one another"
    assert fast.popen.poll() is None
