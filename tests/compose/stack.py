"""The compose stack under a name, ports and secrets of its own."""

import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from db import embedded
from db.settings import ROOT

KEEP = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "XDG_RUNTIME_DIR")
PORTS = ("HTTP_PORT", "ADMIN_PORT", "POSTGRES_PORT", "PGADMIN_PORT")
SECRETS = ("POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD", "SECRET_KEY", "WSIFY_KEY", "PGADMIN_PASSWORD")
PATIENCE = 120.0  # seconds until a service must be healthy again


class Stack:
    """A running stack; `key` is an operator's API key, `name` what tells it from another one of the tests."""

    def __init__(self, folder: Path, name: str = "", root: Path = ROOT, **settings: str) -> None:
        self.root = root
        self.key = secrets.token_hex(24)
        ports = {name: str(embedded.free_port()) for name in PORTS}
        self.settings = ports | {name: secrets.token_hex(24) for name in SECRETS} | settings
        self.settings["API_KEYS"] = f"test:operator:{hashlib.sha256(self.key.encode()).hexdigest()}"
        self.url = f"http://localhost:{ports['HTTP_PORT']}"
        self.admin_url = f"http://localhost:{ports['ADMIN_PORT']}"
        self.pgadmin_url = f"http://127.0.0.1:{ports['PGADMIN_PORT']}"
        password = self.settings["DATABASE_PASSWORD"]
        self.database_url = f"postgresql://taskbell_app:{password}@127.0.0.1:{ports['POSTGRES_PORT']}/taskbell"
        self._file = folder / "env"
        self._file.write_text("".join(f"{name}={value}\n" for name, value in self.settings.items()))
        self._project = f"taskbelltest{name}{os.getpid()}"
        self._command = ["docker", "compose", "--progress", "plain", "-p", self._project, "--env-file", str(self._file)]
        kept = {name: os.environ[name] for name in KEEP if name in os.environ}
        self._env = kept | {"TASKBELL_IMAGE": f"taskbell-test{name}"}

    def compose(self, *arguments: str, timeout: float = 400) -> str:
        """Run `docker compose …`; return what it printed, `AssertionError` with all of it when it fails."""
        done = self._run(*arguments, timeout=timeout)
        said = f"{done.stdout[-5000:]}\n{done.stderr[-5000:]}"
        assert done.returncode == 0, f"{' '.join(arguments)}: {said}\n{self.logs()}"
        return done.stdout

    def refusal(self, *arguments: str) -> str:
        """Run `docker compose …`, which is to fail; return what it said of that."""
        done = self._run(*arguments, timeout=60)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def sql(self, statement: str) -> str:
        """Run a statement as the operator's manual says: psql in the database's container, as the app login."""
        client = ["exec", "-T", "postgres", "psql", "-XAt", "-U", "taskbell_app", "taskbell"]
        return self.compose(*client, "-c", statement).strip()

    def run(self, *command: str, cwd: Path | None = None, **env: str) -> str:
        """Run a command as if this stack were the checkout's own; return what it printed."""
        own = {"COMPOSE_PROJECT_NAME": self._project, "COMPOSE_ENV_FILES": str(self._file)}
        own |= {"COMPOSE_FILE": str(self.root / "compose.yaml")} | env
        done = subprocess.run(
            command,
            cwd=cwd or self.root,
            env=self._env | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-5000:]}"
        return done.stdout

    def up(self, *arguments: str) -> None:
        """Bring it up and wait until every service is healthy."""
        self.compose("up", "-d", "--wait", *arguments)

    def make(self, *arguments: str, **env: str) -> str:
        """Run `make …` of the checkout, whose virtual environment is the tests' own, as a `.env` of this stack would have it."""
        here = {
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": self.settings["SECRET_KEY"],
            "ENVIRONMENT": "production",
        }
        programs = f"BIN={Path(sys.executable).parent}"
        return self.run("make", "--old-file=.venv/.run", programs, *arguments, **here, **env)

    def remove(self) -> None:
        """Take it away with its data."""
        self.compose("--profile", "pgadmin", "down", "--volumes", "--remove-orphans", "--timeout", "10")

    def logs(self) -> str:
        """Return the last lines of every service."""
        return self._run("logs", "--tail", "40", "--no-color").stdout

    def containers(self, service: str) -> list[str]:
        """Return the ids of a service's containers."""
        return self.compose("ps", "-q", service).split()

    def crash(self, service: str) -> None:
        """Kill the first process of every container of a service, as the kernel would: the engine is not asked."""
        for container in self.containers(service):
            os.kill(int(self._inspect(container, "{{.State.Pid}}")), signal.SIGKILL)

    @contextmanager
    def frozen(self, service: str) -> Iterator[None]:
        """Stop every process of a service where it stands; its container goes on, so that its health is asked for."""
        processes = [
            int(pid) for one in self.containers(service) for pid in self._docker("top", one, "-o", "pid").split()[1:]
        ]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def wait_healthy(self, service: str, health: str = "healthy") -> None:
        """Wait until all containers of a service are healthy, or what else `health` says."""
        deadline = time.monotonic() + PATIENCE
        while True:
            states = [self._inspect(container, "{{.State.Health.Status}}") for container in self.containers(service)]
            if set(states) == {health}:
                return
            assert time.monotonic() < deadline, f"{service} is {states} after {PATIENCE} s\n{self.logs()}"
            time.sleep(0.5)

    def restarts(self, service: str) -> int:
        """Return how often the engine has started a service's containers again."""
        return sum(int(self._inspect(container, "{{.RestartCount}}")) for container in self.containers(service))

    def describe(self, service: str) -> dict[str, object]:
        """Return what `docker inspect` says of a service's first container."""
        inspected = json.loads(self._docker("inspect", self.containers(service)[0]))
        return dict(inspected[0])

    def operator(self) -> httpx.Client:
        """Return a client with the operator's key, by way of nginx."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=10, trust_env=False)

    def _run(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.root,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _inspect(self, container: str, form: str) -> str:
        return self._docker("inspect", "-f", form, container).strip()

    def _docker(self, *arguments: str) -> str:
        return subprocess.run(["docker", *arguments], env=self._env, capture_output=True, text=True, check=True).stdout
