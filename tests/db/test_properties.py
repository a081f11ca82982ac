"""The invariants of docs/explanation/delivery-guarantees.md under random histories (a Hypothesis state machine).

Several workers, clock moves, lost leases, rescues, cancels, retries, pauses, repeated keys: after each step the books balance.
"""

import os
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.db.hand import Clock, Hand, enqueue
from tests.servers import Database, PostgresServer

QUEUES = ["default", "wide"]
ENDS = {"succeeded", "failed", "cancelled"}
server: list[PostgresServer] = []


class Histories(RuleBasedStateMachine):
    """Producers, operators and three workers at one database; `accepted` counts completions that the database took."""

    @initialize()
    def open(self) -> None:
        self.database = Database(server[0], f"machine_{next(server[0].numbers)}_{os.getpid()}")
        self.app = self.database.connect()
        self.app.execute("select taskbell.configure('wide', exclusive => false, concurrency => 2)")
        self.clock = Clock(self.database.connect("superuser"))
        self.workers = [Hand(self.database.connect()) for _ in range(3)]
        self.tokens: dict[UUID, list[tuple[Hand, UUID]]] = {}
        self.accepted: dict[UUID, int] = {}
        self.rounds: dict[UUID, int] = {}
        self.seq: dict[UUID, int] = {}
        self.keys: dict[tuple[str, str], UUID] = {}

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.terminate()

    @rule(
        queue=st.sampled_from(QUEUES),
        priority=st.integers(-1, 1),
        key=st.sampled_from([None, "a", "b"]),
        tries=st.integers(1, 3),
    )
    def enqueue(self, queue: str, priority: int, key: str | None, tries: int) -> None:
        options: dict[str, Any] = {"queue": queue, "priority": priority, "max_attempts": tries}
        if key is None:
            self.rounds[enqueue(self.app, **options)] = 1
            return
        task_id = enqueue(self.app, idempotency_key=key, **options)
        assert self.keys.setdefault((queue, key), task_id) == task_id, "a key names one task as long as it is kept"
        self.rounds.setdefault(task_id, 1)

    @rule(who=st.integers(0, 2))
    def hold(self, who: int) -> None:
        self.workers[who].hold()

    @rule(who=st.integers(0, 2), queue=st.sampled_from(QUEUES), batch=st.integers(1, 4))
    def claim(self, who: int, queue: str, batch: int) -> None:
        worker = self.workers[who]
        rows = worker.claim(batch, queue)
        order = [(-row.priority, row.run_at, row.id) for row in rows]
        assert order == sorted(order), "claims come in run order"
        if rows and queue == "default":
            held = self.app.execute("select holder from taskbell.queues where name = 'default'").fetchone()
            assert held == (worker.id,), "an exclusive queue gives to its holder alone"
        for row in rows:
            self.tokens.setdefault(row.id, []).append((worker, row.token))

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), how=st.sampled_from(["complete", "retry", "fail", "cancel", "release", "progress"]))
    def report(self, data: st.DataObject, how: str) -> None:
        """Report on any claim there ever was, stale ones included."""
        task_id = data.draw(st.sampled_from(sorted(self.tokens)))
        worker, token = data.draw(st.sampled_from(self.tokens[task_id]))
        before = self.row(task_id)
        current = (
            self.database.connect("superuser")
            .execute("select token from taskbell.live where id = %s", [task_id])
            .fetchone()
        )
        worker.claims[task_id] = token
        if how == "complete":
            refused = worker.complete(task_id, result=str(token))
        elif how == "release":
            refused = worker.release(task_id, begun=True)
        elif how == "progress":
            refused = worker.progress(task_id, 0.5)
        else:
            refused = worker.fail(task_id, how, after=0)
        if current == (token,):
            assert refused == []
            self.accepted[task_id] = self.accepted.get(task_id, 0) + (how == "complete")
        else:
            assert refused == [(task_id, "stale")]
            assert self.row(task_id) == before, "a stale report changes nothing"

    @rule(seconds=st.sampled_from([1, 6, 31]), beating=st.sets(st.integers(0, 2)))
    def time_passes(self, seconds: int, beating: set[int]) -> None:
        self.clock.move(seconds)
        for who in beating:
            self.workers[who].beat("default")

    @rule(who=st.integers(0, 2))
    def poll(self, who: int) -> None:
        self.workers[who].call("poll(%s)", self.workers[who].id)

    @precondition(lambda self: self.rounds)
    @rule(data=st.data(), act=st.sampled_from(["cancel", "retry", "reschedule"]))
    def steer(self, data: st.DataObject, act: str) -> None:
        task_id = data.draw(st.sampled_from(sorted(self.rounds)))
        try:
            self.app.execute(f"select taskbell.{act}(%s)", [task_id])  # type: ignore[arg-type]  # SQL made here
        except psycopg.Error as error:
            assert error.sqlstate == "TB002"
            return
        if act == "retry":
            self.rounds[task_id] += 1

    @rule(call=st.sampled_from(["pause('default')", "resume('default')", "pause()", "resume()"]))
    def pause(self, call: str) -> None:
        self.app.execute(f"select taskbell.{call}")  # type: ignore[arg-type]  # SQL made here

    @invariant()
    def books_balance(self) -> None:
        if not hasattr(self, "database"):
            return
        rows = self.app.execute(
            "select id, status, seq, attempt, max_attempts, finished_at from taskbell.tasks"
        ).fetchall()
        assert sorted(row[0] for row in rows) == sorted(self.rounds), "no task is lost, none appears twice"
        for task_id, status, seq, attempt, max_attempts, finished_at in rows:
            assert seq >= self.seq.get(task_id, 1), "seq never falls"
            self.seq[task_id] = seq
            assert 0 <= attempt <= max_attempts, "never more attempts than allowed"
            assert (status in ENDS) == (finished_at is not None)
            assert self.accepted.get(task_id, 0) <= self.rounds[task_id], "one accepted completion a round"
            if status == "succeeded":
                assert self.accepted.get(task_id, 0) >= 1, "nothing succeeds without a completion"

    def row(self, task_id: UUID) -> object:
        """Return all that outsiders see of a task."""
        return self.app.execute("select to_jsonb(t) from taskbell.tasks t where id = %s", [task_id]).fetchone()


@pytest.fixture
def _server(postgres_server: PostgresServer) -> None:
    server[:] = [postgres_server]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = pytest.mark.usefixtures("_server")(TestHistories)  # type: ignore[misc,assignment]  # a mark returns what it marked
