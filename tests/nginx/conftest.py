"""A real nginx with our configuration, without containers."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from db import embedded
from db.settings import ROOT
from tests.servers import Process, Processes


class Router:
    """nginx in front of services that may or may not be there."""

    def __init__(self, process: Process, port: int, admin_port: int, log: Path) -> None:
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.admin_url = f"http://127.0.0.1:{admin_port}"
        self._log = log

    def access_log(self) -> str:
        """Return the access log so far."""
        return self._log.read_text()

    def logged(self, path: str) -> dict[str, Any]:
        """Return the newest line on requests for `path` once there is one: nginx writes it after it has answered."""
        found: list[dict[str, Any]] = []

        def look() -> bool:
            whole = [line for line in self.access_log().splitlines(keepends=True) if line.endswith("\n")]
            found[:] = [entry for entry in map(json.loads, whole) if entry["path"] == path]
            return bool(found)

        self.process.wait_until(look, 10)
        return found[-1]


@pytest.fixture
def run_router(processes: Processes, nginx: str, tmp_path: Path) -> Callable[..., Router]:
    """`run_router(API="127.0.0.1:8100", …) -> Router`; what is not named answers nobody."""

    def run(**env: str) -> Router:
        port, admin_port = embedded.free_port(), embedded.free_port()
        log = tmp_path / "access.log"
        settings = _base(tmp_path, nginx, port, admin_port) | env
        process = processes.start("nginx", ["sh", str(ROOT / "deploy/nginx/start.sh")], **settings)
        process.wait_until(lambda: _listens(f"http://127.0.0.1:{port}/"))
        return Router(process, port, admin_port, log)

    return run


def _base(tmp_path: Path, nginx: str, port: int, admin_port: int) -> dict[str, str]:
    closed = f"127.0.0.1:{embedded.free_port()}"
    return {
        "PATH": f"{os.environ['PATH']}:{Path(nginx).parent}",
        "LISTEN": f"127.0.0.1:{port}",
        "LISTEN_ADMIN": f"127.0.0.1:{admin_port}",
        "API": closed,
        "ADMIN": closed,
        "WSIFY": closed,
        "WEBSOCKET_SERVER": "hub",
        "RUN": str(tmp_path / "nginx"),
        "ACCESS_LOG": str(tmp_path / "access.log"),
        "RUN_AS": "root" if os.geteuid() == 0 else "",  # the test's folders are closed to other accounts
    }


def _listens(url: str) -> bool:
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.TransportError:
        return False
    return True
