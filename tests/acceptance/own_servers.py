"""A Postgres and a Redis of one test's own, which it may stop, crash and start again on the same port."""

import os
import signal
import subprocess
from pathlib import Path

from db import embedded
from db.embedded import free_port
from scripts.guard import Guard
from tests.servers import Database, PostgresServer

# Whoever is told "committed" may rely on it, though not after the machine's own crash.
KEEPS_ITS_WORD = {"synchronous_commit": "on", "max_connections": "100", "autovacuum_naptime": "10min"}


class OwnPostgres(PostgresServer):
    """As the session's server, but it can be restarted."""

    def __init__(self, folder: Path, guard: Guard) -> None:
        binaries = os.environ.get("TEST_POSTGRES")
        super().__init__(folder, Path(binaries) if binaries else None, guard, KEEPS_ITS_WORD)
        self._log = folder / "postgres.log"
        self._guard = guard
        self.database: Database = self.clone()

    def shut_down(self) -> None:
        """Stop it fast: sessions are ended, nothing is lost."""
        embedded.stop(self._process)

    def crash(self) -> None:
        """Kill every process of it."""
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()

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
