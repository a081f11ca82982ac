"""One wsify process, whichever it is."""

import httpx

from tests.servers import Process, Processes

KEY = "the-broadcasting-key"


class Wsify:
    """Starts, kills and starts again; `broadcast` posts as the relay does."""

    def __init__(self, processes: Processes, command: list[str], port: int, authorizer_url: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.websocket_url = f"ws://127.0.0.1:{port}/ws"
        self._processes = processes
        flags = {"-listen-addr": f"127.0.0.1:{port}", "-authorizer-url": authorizer_url, "-broadcasting-key": KEY}
        self._command = [*command, *(part for flag in flags.items() for part in flag), "-broker-driver", "memory"]
        self.process: Process

    def start(self) -> None:
        self.process = self._processes.start("wsify", self._command)
        self.process.wait_until(self._answers)

    def _answers(self) -> bool:
        try:
            return httpx.get(self.url, trust_env=False).status_code == 404
        except httpx.HTTPError:
            return False

    def broadcast(
        self, channel: str, content: object, *, key: str = KEY, content_type: str = "application/json"
    ) -> int:
        return httpx.post(
            f"{self.url}/broadcast",
            params={"key": key},
            content=httpx.Request("POST", self.url, json={"channel": channel, "content": content}).content,
            headers={"Content-Type": content_type},
            trust_env=False,
        ).status_code
