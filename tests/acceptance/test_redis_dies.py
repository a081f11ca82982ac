"""Redis is cut off, silent, emptied, or started again: never two workers at work in one exclusive queue."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.acceptance.ledger import begun, overlap
from tests.acceptance.own_servers import OwnValkey
from tests.freeze_proxy import FreezeProxy
from tests.servers import Database, Process

Start = Callable[..., Process]
TASKS, SECONDS = 150, 0.05
# Seconds from a Redis that answers to a task that runs: the life of a lock that nobody can extend, and two tries.
BACK = 6.5
RAN = "from taskbell.tasks where status = 'succeeded' and task = 'record'"


def cut(_valkey: OwnValkey, proxy: FreezeProxy) -> None:
    for _ in range(10):
        proxy.cut()
        time.sleep(0.2)


def silent(_valkey: OwnValkey, proxy: FreezeProxy) -> None:
    proxy.freeze()
    time.sleep(7)  # longer than a lock's life
    proxy.thaw()


def flushed(valkey: OwnValkey, _proxy: FreezeProxy) -> None:
    for _ in range(5):
        redis.Redis.from_url(valkey.url()).flushall()
        time.sleep(0.7)


def restarted(valkey: OwnValkey, _proxy: FreezeProxy) -> None:
    valkey.kill()
    time.sleep(2)
    valkey.start()


@pytest.mark.parametrize("trouble", [cut, silent, flushed, restarted])
def test_redis_in_trouble_never_means_two_workers_in_one_queue(
    queue: Any,
    worker: Start,
    record: Path,
    own_valkey: OwnValkey,
    slack: Callable[[], float],
    trouble: Callable[..., None],
) -> None:
    with FreezeProxy(own_valkey.port) as proxy:
        url = own_valkey.url(proxy.port)
        first = worker(REDIS_URL=url)
        first.wait_until(lambda: "won queue default" in first.log())
        second = worker(REDIS_URL=url)
        queue.many(
            [{"task": "record", "payload": {"path": str(record), "n": n, "seconds": SECONDS}} for n in range(TASKS)]
        )
        queue.until(f"select exists (select {RAN})")
        if trouble is silent:
            lasting = {"path": str(record.with_suffix(".long")), "n": 0, "seconds": 6}
            long = queue.enqueue("ticks", lasting, queue="long")
            queue.until_running(long)
        trouble(own_valkey, proxy)
        answers = time.monotonic()
        done = queue.sql.execute(f"select count(*) {RAN}").fetchone()
        queue.until(f"select count(*) >= least(%s + 1, %s) {RAN}", done[0], TASKS, seconds=60)
        assert time.monotonic() - answers < BACK + slack()
        queue.until(f"select count(*) = %s {RAN}", TASKS, seconds=60)
        assert overlap(record) < 0, "never two at once"
        doubled = sum(begun(record).values()) - TASKS
        assert doubled <= 1, "only what was broken off ran again"
        if trouble is silent:
            broken_off = ["breaking off what runs of queue long" in one.log() for one in (first, second)]
            assert any(broken_off), "after a lock's life without an answer"
            done = queue.wait(long, 30)
            assert (done["status"], done["attempt"]) == ("succeeded", 1), "nobody was charged"
        assert first.popen.poll() is None
        assert second.popen.poll() is None
        for process in (first, second):
            assert process.log().count("Redis does not answer") <= 3, "said once each time"


def test_without_redis_nothing_exclusive_starts_and_it_is_said(
    queue: Any, worker: Start, run_api: Callable[..., str], database: Database, own_valkey: OwnValkey
) -> None:
    queue.sql.execute("select taskbell.configure('shared', exclusive => false)")
    process = worker(REDIS_URL=own_valkey.url())
    base = run_api(database, own_valkey.url())
    process.wait_until(lambda: "won queue default" in process.log())
    own_valkey.kill()
    queue.until("select lock_lost = 1 from taskbell.health")
    queue.until(
        "select holder is null or held_since is null or now() - holder_renewed_at > interval '5 s' from taskbell.queues where name = 'default'"
    )
    ready = httpx.get(f"{base}/api/readyz").json()
    assert (ready["status"], ready["parts"]["lock"]) == ("degraded", "degraded")
    held = queue.enqueue("echo")
    assert queue.wait(queue.enqueue("echo", queue="shared"))["status"] == "succeeded", "others need no lock"
    assert queue.get(held)["status"] == "queued"
    own_valkey.start()
    assert queue.wait(held)["status"] == "succeeded"
    process.wait_until(lambda: "Redis answers again" in process.log())


def test_a_lock_that_became_anothers_is_neither_extended_nor_deleted(
    queue: Any, worker: Start, own_valkey: OwnValkey
) -> None:
    process = worker(REDIS_URL=own_valkey.url())
    process.wait_until(lambda: "won queue default" in process.log())
    client = redis.Redis.from_url(own_valkey.url())
    (key,) = client.keys("*:lock:default")
    client.set(key, "another's", px=4000)
    process.wait_until(lambda: "lost queue default" in process.log(), 5)
    assert client.get(key) == b"another's"
    deadline = time.monotonic() + 5
    while client.get(key) == b"another's":
        assert time.monotonic() < deadline, "somebody extends a lock that is not theirs"
        time.sleep(0.05)
    assert queue.wait(queue.enqueue("echo"))["status"] == "succeeded", "it was won back once it was free"
    client.close()
