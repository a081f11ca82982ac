"""A Postgres and a Redis of one test's own, which it may stop, crash and start again on the same port."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from db import embedded
from db.embedded import free_port
from scripts.guard import Guard
from tests.servers import Database, PostgresServer

# Whoever is told "committed" may rely on it, though not after the machine's own crash.
KEEPS_ITS_WORD = {"synchronous_commit": "on", "max_connections": "100", "autovacuum_naptime": "10min"}


class Replica:
    """A hot standby that confirms every commit of its primary."""

    def __init__(self, folder: Path, primary: embedded.Postgres, guard: Guard) -> None:
        self.port = free_port()
        self._server = embedded.Postgres(
            folder / "postgres", self.port, primary.password, primary.binaries, KEEPS_ITS_WORD
        )
        who = self._server.identity
        who.data.parent.mkdir(parents=True, exist_ok=True)
        done = who.run(
            [str(who.binaries / "pg_basebackup"), "-D", str(who.data), "-R", "-c", "fast", "-d", primary.url()]
        )
        assert done.returncode == 0, done.stderr
        self._process = embedded.start(self._server, folder / "postgres.log")
        guard.watch(self._process.pid)
        self.url = self._server.url()

    def promote(self) -> None:
        """Make it the primary."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("select pg_promote()")

    def stop(self) -> None:
        """Stop it."""
        embedded.stop(self._process)


class OwnPostgres(PostgresServer):
    """As the session's server, but it can be restarted."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        binaries = os.environ.get("TEST_POSTGRES")
        super().__init__(folder, Path(binaries) if binaries else None, guard, KEEPS_ITS_WORD)
        self._log = folder / "postgres.log"
        self._guard = guard
        self.database: Database = self.clone()

    def stop(self) -> None:
        """Close what the test opened, and stop."""
        for connection in self.database._connections:
            connection.close()
        super().stop()

    def shut_down(self) -> None:
        """Stop it fast: sessions are ended, nothing is lost."""
        embedded.stop(self._process)

    def crash(self) -> None:
        """Kill every process of it."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

    @contextmanager
    def replica(self, folder: Path) -> Iterator[Replica]:
        """Have a replica, without whose word no commit is acknowledged from now on."""
        replica = Replica(folder, self._embedded, self._guard)
        try:
            with psycopg.connect(self._embedded.url(), autocommit=True) as connection:
                connection.execute("alter system set synchronous_standby_names = '*'")
                connection.execute("select pg_reload_conf()")
                synchronous = "select exists (select from pg_stat_replication where sync_state in ('sync', 'quorum'))"
                while connection.execute(synchronous).fetchone() != (True,):
                    connection.execute("select pg_sleep(0.05)")
            yield replica
        finally:
            replica.stop()

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self._embedded.identity.data

    def give(self, folder: Path) -> None:
        """Make a folder that is the server's."""
        folder.mkdir(mode=0o700)
        self._embedded.identity.give(folder)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def start(self) -> None:
        """Start it again; return once it answers."""
        self._process = embedded.start(self._embedded, self._log)
        self._guard.watch(self._process.pid)


class OwnValkey:
    """A Redis that can be restarted."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        self._embedded = embedded.Valkey(folder / "valkey", free_port(), "valkey-password")
        self._log = folder / "valkey.log"
        self._guard = guard
        self._process: subprocess.Popen[bytes]
        self.port = self._embedded.port
        self.start()

    def url(self, port: int | None = None) -> str:
        """Return its address, or that of a proxy before it."""
        return self._embedded.url().replace(f":{self.port}/", f":{port or self.port}/")

    def start(self) -> None:
        """Start it (again)."""
        self._process = embedded.start(self._embedded, self._log)
        self._guard.watch(self._process.pid)

    def kill(self) -> None:
        """Kill it; what it held in memory is gone."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Stop it."""
        embedded.stop(self._process)
