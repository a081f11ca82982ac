"""Taskbell as one more peer of the harness in the folder PEERS: as shipped, without a setting made for a benchmark.

Started by `step.py`, with the root of this tree on PYTHONPATH.
"""

import importlib
import json
import os
import sys
import time
import tomllib
from collections.abc import Iterable
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from db.logins import APP, MIGRATOR, ensure_logins
from db.migrate import migrate
from db.settings import ROOT, Settings
from tests.benchmarks.report import commit

sys.path.append(os.environ["PEERS"])
bench: Any = importlib.import_module("bench")

DATABASE = "peer_taskbell"
PASSWORD = "a-password-of-the-benchmark"
CHUNK = 10_000  # the most in one enqueue_many
PATIENCE = 30.0  # seconds for one round trip
ENQUEUE = "select taskbell.enqueue('noop', %s)"
ENQUEUE_MANY = "select id from taskbell.enqueue_many(%s)"
KNOW = """select taskbell.register(gen_random_uuid(), 'bench', 1, '0', null, '[{"name": "noop", "schema": {}}]')"""
CONFIGURE = "select taskbell.configure('default', exclusive => %s, concurrency => %s)"
# Listening starts in the commit that enqueues, so that nothing rings unheard and no further round trip is measured.
LISTENING = """
create function public.enqueue_and_listen(i int) returns uuid language plpgsql as $$
declare v_id uuid := taskbell.enqueue('noop', jsonb_build_object('i', i));
begin
  execute format('listen %I', taskbell.channel(v_id));
  return v_id;
end $$"""
GET = "select taskbell.get(%s) ->> 'status'"
QUEUES = {"c50": (True, 50), "open50": (False, 50)}  # a mode's queue: exclusive, concurrency


def url(login: str) -> str:
    """Return the database's address for a plain login (the harness's server trusts whoever is on this machine)."""
    return f"postgresql://{login}:{PASSWORD}@127.0.0.1:{bench.PG_PORT}/{DATABASE}"


def redis_url() -> str:
    return f"redis://127.0.0.1:{bench.REDIS_PORT}/0"


def connect() -> psycopg.Connection[Any]:
    """Connect as a client of ours would."""
    return psycopg.connect(url(APP), autocommit=True)


def tree() -> str:
    """Return version and commit of this tree."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return f"{version} ({commit()})"


class Taskbell(bench.Peer):  # type: ignore[misc]  # the harness has no types
    name = "taskbell"
    packages = ("psycopg",)
    settings = {
        "taskbell": tree(),
        "enqueue": "select taskbell.enqueue(…) on one psycopg connection, a plain login",
        "serial": "the queue default as it comes: exclusive, one task at a time, in order",
        "c50": "exclusive, concurrency 50",
        "open50": "not exclusive, concurrency 50",
        "latency": "the queue default as it comes",
        "lock": "in the same valkey as the peers on Redis",
    }
    bulk = "taskbell.enqueue_many, one call of 10,000, its ids read"
    roundtrip_api = (
        "the ring of its end heard on the task's channel, LISTEN in the commit that enqueues; then taskbell.get"
    )
    drain_modes = ("serial", "c50", "open50")
    worker_env = {
        **{field.upper(): "" for field in Settings.model_fields},  # so that no .env of the tree counts
        "DATABASE_URL": url(APP),
        "REDIS_URL": redis_url(),
        "SECRET_KEY": "a secret of the benchmark that is long enough",
        "TASK_MODULES": "tests.benchmarks.beside.tasks",
    }

    def reset(self) -> None:
        passwords = {"migrator_password": PASSWORD, "app_password": PASSWORD}
        ensure_logins(bench.dsn("postgres"), **passwords, database=DATABASE)
        owner = sql.SQL("alter database {} owner to {}").format(sql.Identifier(DATABASE), sql.Identifier(MIGRATOR))
        self.pg().execute(owner)
        migrate(url(MIGRATOR), app_login=APP)
        self.pg().execute(KNOW)  # else each call warns of a task that no worker has made known

    def enqueue_one(self, n: int, cap: float) -> Any:
        with connect() as client:
            client.execute(ENQUEUE, [Jsonb({"i": bench.NSLOT - 2})])
            return self.loop_one(lambda i: client.execute(ENQUEUE, [Jsonb({"i": i})]), n, cap)

    def enqueue_bulk(self, n: int) -> float:
        return self._many(range(n))

    def preload_ids(self, ids: Iterable[int]) -> None:
        self._many(ids)

    def remaining(self) -> int:
        row = self.pg().execute("select count(*) from taskbell.live").fetchone()
        return int(row[0])

    def latency(self, ids: Iterable[int], cap: float) -> Any:
        with connect() as client:
            return self.loop_latency(lambda i: client.execute(ENQUEUE, [Jsonb({"i": i})]), ids, cap)

    def roundtrip(self, ids: Iterable[int], cap: float) -> Any:
        self.pg().execute(LISTENING)
        with connect() as client:

            def there_and_back(i: int) -> None:
                row = client.execute("select public.enqueue_and_listen(%s)", [i]).fetchone()
                assert row
                channel = f"task_{row[0].hex}"
                for ring in client.notifies(timeout=PATIENCE):
                    if ring.channel == channel and json.loads(ring.payload)["status"] == "succeeded":
                        assert client.execute(GET, row).fetchone() == ("succeeded",)
                        return
                raise AssertionError(f"nothing heard of task {i} in {PATIENCE:.0f} s")

            return self.loop_rt(there_and_back, ids, cap)

    def worker_argv(self, _mode: str) -> list[str]:
        return [sys.executable, "-P", "-m", "worker"]

    def start_worker(self, mode: str) -> Any:
        if mode in QUEUES:
            self.pg().execute(CONFIGURE, QUEUES[mode])
        return super().start_worker(mode)

    def m_drain(self, reps: int) -> None:
        """Two workers help where the queue lets them in, so that is the mode that they are measured in."""
        modes = self.drain_modes
        self.drain_modes, self.workers = [mode for mode in modes if mode != "open50"], (1,)
        super().m_drain(reps)
        self.drain_modes, self.workers = [mode for mode in modes if mode == "open50"], (1, 2)
        super().m_drain(reps)

    def _many(self, ids: Iterable[int]) -> float:
        wanted = list(ids)
        with connect() as client:
            client.execute("select 1")
            began = time.monotonic()
            for start in range(0, len(wanted), CHUNK):
                tasks = [{"task": "noop", "payload": {"i": i}} for i in wanted[start : start + CHUNK]]
                client.execute(ENQUEUE_MANY, [Jsonb(tasks)]).fetchall()
            return time.monotonic() - began


if __name__ == "__main__":
    bench.main(Taskbell)
