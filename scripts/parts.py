"""Taskbell's own parts as `make run` starts them, and the ports that they want."""

import http.client
import sys
from collections.abc import Callable

import psutil
import psycopg

from db import startup
from db.settings import Settings
from scripts.environment import is_free
from scripts.stores import Stores
from scripts.supervisor import Part, PartError

HOST = "127.0.0.1"
BELOW_ERROR = 500  # HTTP status


def taskbell(settings: Settings) -> list[Part]:
    """Return API, worker and admin; in development API and worker start again when their code changes."""
    reload = ["--reload", "--reload-dir", "api", "--reload-dir", "db"] if settings.environment == "development" else []
    # What clients say has some 150 bytes: a bigger one than this should not be read at all. And what they hear has some
    # 400: too little to deflate, while the buffers for that take 43 KB of each browser's websocket, waiting or not.
    small = ["--ws-max-size", "16384", "--ws-per-message-deflate", "false"]
    database = settings.database_url
    return [
        Part(
            "api",
            [*_uvicorn("api.app:app", settings.http_port), *small, *reload],
            _http(settings.http_port, "/api/healthz"),
        ),
        Part("worker", [sys.executable, "-m", "worker"], lambda pid: _worker_is_alive(database, pid)),
        Part(
            "admin",
            _uvicorn("admin_site.asgi:application", settings.admin_port),
            _http(settings.admin_port, "/admin/login/"),
        ),
    ]


def check_ports(settings: Settings, stores: Stores) -> None:
    """`PartError`: a port that we are to listen on is taken."""
    wanted = {"HTTP_PORT": settings.http_port, "ADMIN_PORT": settings.admin_port}
    if stores.postgres:
        wanted["POSTGRES_PORT"] = settings.postgres_port
    if stores.valkey:
        wanted["REDIS_URL"] = stores.valkey.port
    for name, port in wanted.items():
        if not is_free(port):
            raise PartError(f"port {port} is taken by another program: stop that, or change {name} in .env")


def _uvicorn(app: str, port: int) -> list[str]:
    command = [sys.executable, "-m", "uvicorn", app, "--host", HOST, "--port", str(port)]
    return [*command, "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "3"]


def _http(port: int, path: str) -> Callable[[int], bool]:
    def answers(_pid: int) -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            connection.request("GET", path)
            return connection.getresponse().status < BELOW_ERROR
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return answers


def _worker_is_alive(database: str, pid: int) -> bool:
    try:
        family = [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
        return startup.worker_is_alive(database, family)
    except (psutil.NoSuchProcess, psycopg.OperationalError):
        return False
