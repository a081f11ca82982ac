"""Nobody stalls behind upkeep, goodbyes, registrations, or the count of rings that were skipped."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from db.schema_files import ROOT
from tests.db.hand import Hand, enqueue
from tests.servers import Database


@pytest.fixture
def impatient(database: Database) -> psycopg.Connection[Any]:
    connection = database.connect()
    connection.execute("set statement_timeout = '3s'")
    return connection


def test_upkeep_does_not_wait_for_an_operators_transaction(
    database: Database, impatient: psycopg.Connection[Any]
) -> None:
    impatient.execute("select taskbell.configure('once')")
    database.connect("superuser").execute("update taskbell.queue set created_at = now() - interval '2 days'")
    other = database.connect()
    with other.transaction():
        other.execute("select taskbell.configure('once', concurrency => 1)")
        impatient.execute("select taskbell.prune_expired()")
    impatient.execute("select taskbell.prune_expired()")
    names = impatient.execute("select name from taskbell.queues order by name").fetchall()
    assert names == [("default",), ("public",)]


def test_registering_beside_upkeep_never_deadlocks(database: Database, hand: Callable[..., Hand]) -> None:
    names = [f"task_{number:02d}" for number in range(40)]
    upkeep = hand(tasks=names[::-1])

    def register(start: int) -> None:
        connection = database.connect()
        for turn in range(100):
            chosen = names[(start + turn) % 20 :][::-1]
            types = "[" + ",".join(f'{{"name": "{name}", "schema": {{}}}}' for name in chosen) + "]"
            connection.execute("select taskbell.register(%s, 'w', 1, '0', null, %s::jsonb)", [upkeep.id, types])

    with ThreadPoolExecutor() as threads:
        others = [threads.submit(register, start) for start in (0, 7)]
        while not all(other.done() for other in others):
            upkeep.call("prune_expired()")
        for other in others:
            other.result()


def test_a_goodbye_beside_a_heartbeat_never_deadlocks(database: Database, hand: Callable[..., Hand]) -> None:
    one = hand()
    other = database.connect()
    types = '[{"name": "echo", "schema": {}}]'

    def come_and_go() -> None:
        for _ in range(150):
            other.execute("select taskbell.deregister(%s)", [one.id])
            other.execute("select taskbell.register(%s, 'w', 1, '0', null, %s::jsonb)", [one.id, types])
            other.execute("select taskbell.hold(%s, 'default')", [one.id])

    with ThreadPoolExecutor() as threads:
        going = threads.submit(come_and_go)
        while not going.done():
            one.beat("default")
        going.result()


def test_rings_skipped_in_an_open_transaction_stall_nobody(
    database: Database, impatient: psycopg.Connection[Any]
) -> None:
    text = (ROOT / "functions" / "ring.sql").read_text()
    found = re.search(r"create or replace function taskbell\.may_ring\(\).*?\$\$;", text, re.DOTALL)
    assert found
    superuser = database.connect("superuser")
    superuser.execute(found[0].replace("< 0.5", "< -1").encode())  # as if the notification queue were over half full
    superuser.execute("select pg_advisory_lock(taskbell.bell_key())")
    other = database.connect()
    with other.transaction():
        enqueue(other)
        enqueue(impatient)
    assert superuser.execute("select unrung from taskbell.health").fetchone() == (1,)
    # Who can't ring does all else: a worker reads who was asked to stop with its next beat, a standby polls.
    worker = Hand(database.connect())
    superuser.execute("select pg_advisory_unlock_all()")
    assert worker.hold()
    task = worker.claim(1)[0].id
    other.execute("listen taskbell_wake")
    other.execute(sql.SQL("listen {}").format(sql.Identifier(f"taskbell_worker_{worker.id.hex}")))
    assert other.execute("select taskbell.cancel(%s)", [task]).fetchone() == ("running",)
    assert worker.beat("default")["cancel"] == [str(task)]
    worker.call("unhold(%s, 'default')", worker.id)
    assert worker.hold()
    worker.call("deregister(%s)", worker.id)
    assert list(other.notifies(timeout=0.1)) == []
