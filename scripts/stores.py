"""The two stores of `make run`: embedded for the addresses that our own `.env` holds, else what is there."""

import os
import secrets
import signal
from pathlib import Path
from urllib.parse import urlsplit

import redis

from db import startup
from db.embedded import Postgres, Valkey
from db.logins import APP, DATABASE, ensure_logins
from db.settings import Settings
from scripts.supervisor import Part, PartError


class Stores:
    """Decides which stores are ours, makes parts of those, and checks the others."""

    def __init__(self, settings: Settings, data: Path) -> None:
        self._settings = settings
        self._data = data
        self.postgres = self._own_postgres()
        self.valkey = self._own_valkey()

    def parts(self) -> list[Part]:
        """Prepare our own stores and return them as parts. `PartError`: one that is not ours does not answer."""
        found = [
            self._part(name, server)
            for name, server in (("postgres", self.postgres), ("valkey", self.valkey))
            if server is not None
        ]
        if self.postgres is None and (why := startup.why_unreachable(self._settings.database_url)):
            raise PartError(f"DATABASE_URL does not answer: {why}")
        if (
            self.valkey is None
            and self._settings.redis_url
            and (why := _why_redis_is_unreachable(self._settings.redis_url))
        ):
            raise PartError(f"REDIS_URL does not answer: {why}")
        return found

    def make_ready(self) -> None:
        """Give our own Postgres its two logins and the database."""
        if self.postgres:
            ensure_logins(
                self.postgres.url(),
                migrator_password=self._settings.postgres_password,
                app_password=self._settings.database_password,
            )
            if why := startup.why_unreachable(self._settings.database_url):
                raise PartError(f"DATABASE_URL does not answer: {why}")

    def database_line(self) -> str:
        """Say which database serves."""
        parts = urlsplit(self._settings.database_url)
        kind = "embedded, data in .data/postgres" if self.postgres else "as DATABASE_URL says"
        version = startup.server_version(self._settings.database_url)
        return f"PostgreSQL {version} on {parts.hostname}:{parts.port or 5432}, {kind}"

    def locks_line(self) -> str:
        """Say what the queue locks are kept in."""
        if not self._settings.redis_url:
            return "a row in Postgres (REDIS_URL is empty)"
        parts = urlsplit(self._settings.redis_url)
        kind = "Valkey, embedded" if self.valkey else "Redis, as REDIS_URL says"
        return f"{kind}, on {parts.hostname}:{parts.port or 6379}"

    def _part(self, name: str, server: Postgres | Valkey) -> Part:
        server.prepare()
        log = self._data / f"{name}.log"
        log.unlink(missing_ok=True)
        return Part(name, server.command(), lambda _pid: server.answers(), log, signal.SIGINT, must_start=True)

    def _own_postgres(self) -> Postgres | None:
        """Return our own server if DATABASE_URL is what `.env.example` builds from port and password."""
        chosen = self._settings
        own = f"postgresql://{APP}:{chosen.database_password}@127.0.0.1:{chosen.postgres_port}/{DATABASE}"
        if not chosen.database_password or chosen.database_url != own:
            return None
        return Postgres(self._data / "postgres", chosen.postgres_port, _superuser_password(self._data))

    def _own_valkey(self) -> Valkey | None:
        """Return our own server if REDIS_URL is on this machine with REDIS_PASSWORD."""
        parts = urlsplit(self._settings.redis_url)
        password = self._settings.redis_password
        if not password or parts.password != password or parts.hostname != "127.0.0.1" or parts.port is None:
            return None
        return Valkey(self._data / "valkey", parts.port, password)


def _superuser_password(data: Path) -> str:
    """Return the password that our server's superuser was made with; nobody else needs it."""
    file = data / "postgres.superuser"
    if not file.exists():
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_hex(32))
    return file.read_text()


def _why_redis_is_unreachable(url: str) -> str | None:
    client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        return f"{urlsplit(url).hostname}: {error}"
    finally:
        client.close()
    return None
