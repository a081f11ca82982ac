"""An API, and what serves its websockets: its own hub, or a wsify that it relays to."""

import sys
from subprocess import TimeoutExpired

import httpx

from db.embedded import free_port
from tests.live.wsify import KEY, Wsify
from tests.servers import SECRET, Database, Process, Processes


class Carrier:
    """Started on making; `kill` and `start` are for what serves the websockets."""

    def __init__(self, processes: Processes, database: Database, wsify_command: list[str] | None, **env: str) -> None:
        self._processes = processes
        self._port = free_port()
        self.base = f"http://127.0.0.1:{self._port}"
        self.websocket_url = f"ws://127.0.0.1:{self._port}/ws"
        self.wsify: Wsify | None = None
        self._env = {
            "ENVIRONMENT": "development",
            "DATABASE_URL": database.url,
            "SECRET_KEY": SECRET,
            "HTTP_PORT": str(self._port),
            **env,
        }
        if wsify_command:
            self.wsify = Wsify(processes, wsify_command, free_port(), f"{self.base}/api/ws/authorize")
            self.websocket_url = self.wsify.websocket_url
            self._env = {"WSIFY_URL": self.wsify.url, "WSIFY_KEY": KEY} | self._env
            self.wsify.start()
        self.api: Process
        self.start_api()

    def start_api(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "api.app:app", "--host", "127.0.0.1", "--port", str(self._port)]
        self.api = self._processes.start("api", command, **self._env)
        self.api.wait_until(self._answers)

    def start(self) -> None:
        if self.wsify:
            self.wsify.start()
        else:
            self.start_api()

    def kill(self) -> None:
        (self.wsify.process if self.wsify else self.api).kill()

    def revive(self) -> bool:
        """Start wsify again if it has ended, as its restart policy would. False: there was no need, or it is the hub."""
        if self.wsify is None:
            return False
        try:
            self.wsify.process.popen.wait(1)  # what it cut off is heard before its end
        except TimeoutExpired:
            return False
        self.wsify.start()
        return True

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.base}/api/healthz", trust_env=False).is_success
        except httpx.HTTPError:
            return False
