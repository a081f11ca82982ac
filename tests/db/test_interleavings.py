"""Two transactions at one row, each pair of functions; and all of them at once."""

import copy
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.db.hand import Hand, enqueue, get
from tests.servers import Database

STORM = float(os.environ.get("TEST_STORM_SECONDS", "8"))  # seconds of everything at once; 30 before a release
ENDS = {"succeeded", "failed", "cancelled"}
Act = Callable[["Scene", psycopg.Connection[Any]], object]


class Scene:
    """One running task of one worker, one queued one behind it, one finished one, and a worker in waiting."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.app = database.connect()
        self.app.execute("select taskbell.resume()")
        self.worker = Hand(database.connect())
        self.worker.call("rescue()")  # what the scene before left
        assert self.worker.hold()
        self.another = Hand(database.connect())
        self.finished = enqueue(self.app, idempotency_key=str(self.another.id))
        self.worker.claim(100)
        self.worker.complete(self.finished)
        self.running = enqueue(self.app)
        self.worker.claim(100)
        self.queued = enqueue(self.app)

    def as_worker(self, connection: psycopg.Connection[Any]) -> Hand:
        """Return the same worker on another connection."""
        return _on(self.worker, connection)

    def as_another(self, connection: psycopg.Connection[Any]) -> Hand:
        """Return the worker in waiting, likewise."""
        return _on(self.another, connection)


def _on(worker: Hand, connection: psycopg.Connection[Any]) -> Hand:
    other = copy.copy(worker)
    connection.row_factory = worker.connection.row_factory
    other.connection = connection
    return other


def sql(query: str) -> Act:
    """Make an act of a query on the scene's tasks."""

    def act(scene: Scene, connection: psycopg.Connection[Any]) -> object:
        tasks = {"running": scene.running, "queued": scene.queued, "finished": scene.finished}
        ids = tasks | {"worker": scene.worker.id, "another": scene.another.id}
        return connection.execute(query, ids).fetchall()  # type: ignore[arg-type]  # SQL made here

    return act


ACTS: dict[str, Act] = {
    "cancel running": sql("select taskbell.cancel(%(running)s)"),
    "cancel queued": sql("select taskbell.cancel(%(queued)s)"),
    "reschedule": sql("select taskbell.reschedule(%(queued)s)"),
    "retry": sql("select taskbell.retry(%(finished)s)"),
    "prune": sql("select taskbell.prune('0 s')"),
    "prune expired": sql("select taskbell.prune_expired()"),
    "claim": lambda scene, connection: scene.as_worker(connection).claim(),
    "complete": lambda scene, connection: scene.as_worker(connection).complete(scene.running),
    "fail": lambda scene, connection: scene.as_worker(connection).fail(scene.running),
    "release": lambda scene, connection: scene.as_worker(connection).release(scene.running),
    "progress": lambda scene, connection: scene.as_worker(connection).progress(scene.running, 0.5),
    "heartbeat": lambda scene, connection: scene.as_worker(connection).beat("default"),
    "hold": lambda scene, connection: scene.as_worker(connection).hold(),
    "take over": lambda scene, connection: scene.as_another(connection).hold(),
    "rescue": sql("select taskbell.rescue()"),
    "reconcile": sql("select taskbell.reconcile(%(worker)s, '{}')"),
    "deregister": sql("select taskbell.deregister(%(worker)s)"),
    "enqueue again": sql(  # waits for its caller's time where that is less than 2 s
        "select set_config('lock_timeout', '0.1s', false), taskbell.enqueue('echo', idempotency_key => %(another)s::text)"
    ),
    "unhold": sql("select taskbell.unhold(%(worker)s, 'default')"),
    "poll": sql("select * from taskbell.poll(%(worker)s)"),
    "pause": sql("select taskbell.pause('default')"),
    "configure": sql("select taskbell.configure('default', concurrency => 2)"),
}
# What makes another worker's act possible: the first one has missed its beats for so long.
AGED = {
    "take over": "update taskbell.holder set renewed_at = now() - interval '6 seconds'",
    "rescue": "update taskbell.worker set beat_at = now() - interval '31 seconds'",
}
# Operators' functions wait for 2 s, as other tests measure; here for a twentieth of it.
IMPATIENT = (
    "select format('alter function %s set lock_timeout = ''0.1s''', oid::regprocedure) from pg_proc"
    " where pronamespace = 'taskbell'::regnamespace and 'lock_timeout=2s' = any (proconfig)"
)
# What the second may be answered while the first is open: nothing waits longer than it says, nothing deadlocks.
ANSWERS = {None, "TB001", "TB002", "55P03"}
WORKERS_OWN = {"claim", "complete", "fail", "release", "progress", "heartbeat", "hold", "poll", "prune expired"}
# A worker's own two connections never report on one claim at once. Who beats, holds or leaves is a worker, in a
# transaction of one short call: those may wait for one another.
ROWS_OF_WORKERS = {"heartbeat", "poll", "unhold", "hold", "take over", "deregister"}


@pytest.mark.parametrize("first", ACTS)
def test_whoever_comes_second_is_answered(database: Database, first: str) -> None:
    """While the first transaction is open, and after it ended either way."""
    superuser = database.connect("superuser")
    for (query,) in superuser.execute(IMPATIENT).fetchall():
        superuser.execute(query)
    for second in ACTS:
        # both endings in turn: each pair meets twice, once in either order
        meet(database, superuser, first, second, commit=first < second)


def meet(database: Database, superuser: psycopg.Connection[Any], first: str, second: str, *, commit: bool) -> None:
    scene = Scene(database)
    one, other = database.connect(), database.connect()
    brief = "0.2s" if {first, second} <= ROWS_OF_WORKERS else "1s"
    other.execute("select set_config('statement_timeout', %s, false)", [brief])
    for act, query in AGED.items():
        if act in (first, second):
            superuser.execute(query)  # type: ignore[arg-type]  # SQL made here
    one.execute("begin")
    ACTS[first](scene, one)
    started = time.monotonic()
    try:
        ACTS[second](scene, other)
        state = None
    except psycopg.Error as error:
        state = error.sqlstate
    took = time.monotonic() - started
    pair = f"{second} while {first} is open"
    if second in WORKERS_OWN and not {first, second} <= ROWS_OF_WORKERS:
        assert state is None, f"{pair}: a worker's call must never fail on another's lock, got {state}"
        assert took < 1, f"{pair}: a worker's call waited {took:.1f} s"
    elif not {first, second} <= ROWS_OF_WORKERS:
        assert state in ANSWERS, f"{pair}: {state}"
    one.execute("commit" if commit else "rollback")
    # And now that the first has ended, nothing is stuck: the rest of the story can be played.
    for task_id in (scene.running, scene.queued):
        task = get(scene.app, task_id)
        if task is not None and task["status"] not in ENDS:
            scene.app.execute("select taskbell.cancel(%s)", [task_id])
    for worker in (scene.worker, scene.another):
        worker.call("deregister(%s)", worker.id)
    for connection in (scene.app, scene.worker.connection, scene.another.connection, one, other):
        connection.close()


def test_no_deadlock_with_everything_at_once(database: Database) -> None:
    storm(database, STORM, players=8)


def storm(database: Database, seconds: float, *, players: int) -> None:
    """Do everything at once for so long; no deadlock, no answer but those expected, no task there twice."""
    database.connect().execute("select taskbell.configure('wide', exclusive => false, concurrency => 3)")
    until = time.monotonic() + seconds
    states: Counter[str | None] = Counter()
    known: list[UUID] = []

    def play(seed: int) -> None:
        chance = random.Random(seed)
        connection = database.connect()
        worker = Hand(database.connect(), tasks=["echo"])
        while time.monotonic() < until:
            for state in storm_step(chance, connection, worker, known):
                states[state] += 1

    threads = [threading.Thread(target=play, args=[seed]) for seed in range(players)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert states["40P01"] == 0, "no deadlock"
    assert set(states) <= {None, "TB001", "TB002", "TB003", "55P03"}, states
    assert states[None] > 100
    rows = database.connect().execute("select count(*), count(distinct id) from taskbell.tasks").fetchone()
    assert rows is not None
    assert rows[0] == rows[1], "no task is there twice"


def storm_step(
    chance: random.Random, connection: psycopg.Connection[Any], worker: Hand, known: list[UUID]
) -> list[str | None]:
    """Do a few random things; return the SQLSTATE of each."""
    some = chance.sample(known[-200:], min(3, len(known[-200:])))
    batch = [{"task": "echo", "queue": chance.choice(["default", "wide"])} for _ in range(5)]
    keyed = [{"task": "echo", "idempotency_key": chance.choice("abcdef")} for _ in range(3)]
    acts: list[Callable[[], object]] = [
        lambda: known.extend(row[1] for row in connection.execute("select * from taskbell.enqueue_many(%s)", [json.dumps(batch)]).fetchall()),
        lambda: connection.execute("select taskbell.enqueue_many(%s)", [json.dumps(keyed)]),
        lambda: [connection.execute(f"select taskbell.{chance.choice(['cancel', 'retry', 'reschedule'])}(%s)", [one]) for one in some],  # type: ignore[arg-type]  # SQL made here
        worker.hold,
        lambda: worker.beat("default"),
        lambda: worker.claim(5, chance.choice(["default", "wide"])),
        lambda: worker.complete(*list(worker.claims)[-10:]),
        lambda: [worker.fail(one, chance.choice(["retry", "fail", "cancel"]), after=0) for one in list(worker.claims)[-3:]],
        lambda: worker.release(*list(worker.claims)[-5:]),
        lambda: [worker.progress(one, 0.5) for one in list(worker.claims)[-3:]],
        lambda: worker.call("poll(%s)", worker.id),
        lambda: worker.call("reconcile(%s, '{}')", worker.id),
        lambda: worker.call("prune_expired()"),
        lambda: connection.execute("select taskbell.prune('100 ms', 50)"),
        lambda: connection.execute(f"select taskbell.{chance.choice(['pause', 'resume'])}('default')"),
        lambda: connection.execute("select taskbell.resume()"),
        lambda: connection.execute("select taskbell.configure('wide', concurrency => 4)"),
    ]  # fmt: skip
    states: list[str | None] = []
    for act in chance.sample(acts, 6):
        try:
            act()
            states.append(None)
        except psycopg.Error as error:
            states.append(error.sqlstate)
    return states


def test_an_open_transaction_that_makes_a_queue_does_not_stop_its_worker(database: Database) -> None:
    client, producer, worker = database.connect(), database.connect(), Hand(database.connect())
    with client.transaction():
        client.execute("select taskbell.configure('fresh', concurrency => 2)")
        task_id = enqueue(producer, queue="fresh")
        rows = {row.queue: row for row in worker.call("poll(%s)", worker.id)}
        assert (rows["fresh"].exclusive, rows["fresh"].concurrency, rows["fresh"].due) == (True, 1, True)
        assert worker.hold("fresh")
        assert [row.id for row in worker.claim(queue="fresh")] == [task_id]
        assert worker.complete(task_id) == []
    rows = {row.queue: row for row in worker.call("poll(%s)", worker.id)}
    assert rows["fresh"].concurrency == 2
