"""The heart: its Redis locks live no longer than the holder rows that the database renewed."""

import asyncio
import json
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import redis

from db.errors import Unavailable
from db.models import Beat
from db.worker_client import WorkerClient
from worker import heart as heart_module
from worker.heart import DATABASE_WITHIN, EVERY, Heart, Wishes
from worker.lock import LIFE, MARGIN, REDIS_WITHIN, connect, lock_of, prolong
from worker.pulse import SILENT

INSTALLATION = uuid4()
LOCK_LIFE = 1.0  # seconds, here


class Database:
    """Takes beats, or is gone."""

    def __init__(self) -> None:
        self.gone = False
        self.asked: list[list[str]] = []

    async def heartbeat(self, _worker: UUID, queues: Sequence[str], **_about: Any) -> Beat:
        self.asked.append(list(queues))
        if self.gone:
            raise Unavailable("gone")
        return Beat(known=True, held=list(queues), cancel=[])


@pytest.fixture
def server(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def key(queue: str) -> str:
    return f"taskbell:{INSTALLATION}:lock:{queue}"


def test_a_heart_that_nobody_answers_is_not_taken_for_dead() -> None:
    cancelling = 5  # seconds that psycopg takes at most to ask the server to drop a statement
    assert EVERY + REDIS_WITHIN + DATABASE_WITHIN + cancelling < SILENT - 1, "from one report to the next"


async def test_locks_are_prolonged_in_one_round_trip_each_if_it_is_ours(redis_url: str, server: redis.Redis) -> None:
    client = connect(redis_url)
    tokens = {f"queue_{n}": str(uuid4()) for n in range(1000)}
    for queue, token in tokens.items():
        server.set(key(queue), token, px=1000)
    server.set(key("queue_7"), "another's", px=1000)
    server.delete(key("queue_8"))
    lives = dict.fromkeys(tokens, LIFE) | {"queue_9": 0.0}
    await prolong(client, INSTALLATION, tokens, lives)  # the server knows the script now
    server.config_resetstat()
    server.set(key("queue_9"), tokens["queue_9"], px=1000)
    began = time.monotonic()
    ours = await prolong(client, INSTALLATION, tokens, lives)
    assert time.monotonic() - began < REDIS_WITHIN / 4, "a thousand take a small part of a beat"
    asked = cast("dict[str, dict[str, int]]", server.info("commandstats"))
    assert asked["cmdstat_evalsha"]["calls"] == 1
    assert ours == tokens.keys() - {"queue_7", "queue_8", "queue_9"}
    assert 4000 < cast("int", server.pttl(key("queue_0"))) <= 5000
    assert cast("int", server.pttl(key("queue_7"))) <= 1000
    assert server.exists(key("queue_8"), key("queue_9")) == 0, "what has no life left is released"
    await client.aclose()


async def test_without_a_beat_that_is_taken_a_lock_ends_with_the_row_and_is_whole_again_after(
    redis_url: str, server: redis.Redis, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in {"LIFE": LOCK_LIFE, "EVERY": 0.3, "AGAIN": 0.1}.items():
        monkeypatch.setattr(heart_module, name, seconds)
    database, client = Database(), connect(redis_url)
    heart = Heart(cast("WorkerClient", database), client, os.getppid())
    held = lock_of(client, INSTALLATION, "default")
    assert await held.acquire(blocking=False, token="ours")
    until = {"": time.monotonic() + 30, "default": time.monotonic() + LOCK_LIFE - MARGIN}
    tokens: dict[str, str | None] = {"default": "ours"}
    wishes = Wishes(
        str(uuid4()), str(INSTALLATION), tokens, listening=True, stopping=False, nudges=0, over=False, until=until
    )
    heart.wish(wishes)
    beating = asyncio.create_task(heart.beat_on())
    await asyncio.sleep(0.5)

    database.gone = True
    await asyncio.sleep(0.55)
    assert 0 < cast("int", server.pttl(key("default"))) < 700, "what is left of the row, and no more"
    database.gone = False
    await asyncio.sleep(0.15)
    assert cast("int", server.pttl(key("default"))) > 700, "whole again, without waiting for the next beat"

    capfd.readouterr()
    database.gone = True
    gone_at = time.monotonic()
    while server.exists(key("default")):
        assert time.monotonic() - gone_at < LOCK_LIFE + 0.1, "it keeps others from a queue that nobody serves"
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)
    beating.cancel()
    assert database.asked[-1] == [], "what was released is claimed no more"
    reports = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    unanswered = [report for report in reports if not report[1]]
    assert len(unanswered) > 5
    assert all(held == [] for _, _, _, held, *_ in unanswered), "no new life without the database"
    assert unanswered[-1][4] == ["default"]
    await client.aclose()


class Parent:
    """A worker that is rung."""

    def __init__(self) -> None:
        self.rings = 0

    def send_signal(self, _signal: int) -> None:
        self.rings += 1


async def test_it_rings_for_a_right_that_was_over_until_the_worker_has_seen_to_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(heart_module, "LOOK", 0.01)
    heart, parent = Heart(cast("WorkerClient", Database()), None, os.getppid()), Parent()
    monkeypatch.setattr(heart, "_parent", parent)
    wishes = Wishes(
        "", "here", {}, listening=True, stopping=False, nudges=0, over=False, until={"": time.monotonic() + 0.1}
    )
    heart.wish(wishes)
    ringing = asyncio.create_task(heart.ring_on())
    await asyncio.sleep(0.05)
    assert parent.rings == 0
    await asyncio.sleep(0.2)
    assert parent.rings > 0
    later = {"": time.monotonic() + 30}
    heart._until |= later  # a beat was taken meanwhile
    parent.rings = 0
    await asyncio.sleep(0.1)
    assert parent.rings > 0
    heart.wish(wishes._replace(until=later))
    parent.rings = 0
    await asyncio.sleep(0.1)
    assert parent.rings == 0
    heart.wish(wishes._replace(until=later, over=True))
    await asyncio.sleep(0.1)
    assert parent.rings > 0
    ringing.cancel()
