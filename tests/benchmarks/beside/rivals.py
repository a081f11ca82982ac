"""Who is measured, how, and with how many jobs."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from db.settings import ROOT

HERE = Path(__file__).resolve().parent
OURS = "taskbell"
FLOOR = "floor"
FLOORS = {"enqueue": "insert", "drain": "claim"}  # what its script calls the like
MEASURES = ("enqueue", "drain", "latency", "memory")
TIMEOUT = 600.0  # seconds that one measure of one peer may take, in its full size
# What is set on a peer's class. "full" is the harness's own: 10,000 one by one or 15 s, drains of 20,000 (slow peers stop
# after 15 s), 300 latencies.
SIZES: dict[str, dict[str, Any]] = {
    "full": {},
    "large": {"n_drain": 100_000, "cap_s": 15},
    "quick": {"n_enqueue": 4_000, "n_latency": 150, "cap_s": 5},
    "smoke": {"n_enqueue": 300, "n_bulk": 300, "n_drain": 300, "n_latency": 5, "cap_s": 8, "settle_s": 0.5},
}
SLOW = {
    "large": {"n_drain": 5_000},
    "quick": {"n_drain": 5_000},
}  # of those that drain a few hundred a second, as many as they could run before the cap


@dataclass(frozen=True)
class Rival:
    """One peer. `modes`: the settings of its worker that are measured; its best, and its plain ones where that says more."""

    name: str
    language: str
    modes: Sequence[str] = ()
    venv: str = ""
    slow: bool = False

    def step(self, measure: str, repetition: int) -> str | None:
        """Return what its script calls this measure; the floor has its own, and repeats them itself: once is enough."""
        if self.name != FLOOR:
            return measure
        return FLOORS.get(measure) if repetition == 1 else None


RIVALS = (
    Rival(FLOOR, "", venv="base"),
    Rival(OURS, "Python"),
    Rival("graphile_worker", "Node", ("plain", "perftest"), venv="base"),
    Rival("pg_boss", "Node", ("b100x10",), venv="base"),
    Rival("pgqueuer", "Python", ("b100",)),
    Rival("chancy", "Python", ("c100",)),
    Rival("procrastinate", "Python", ("c10",), slow=True),
    Rival("saq_postgres", "Python", ("c100",), venv="saq", slow=True),
    Rival("absurd", "Python", ("b100",), slow=True),
    Rival("django_tasks_db", "Python", ("default",), venv="djtasks", slow=True),
    Rival("saq", "Python", ("c100",), slow=True),
    Rival("celery", "Python", ("prefork2",), slow=True),
    Rival("rq", "Python", ("simple",), slow=True),
    Rival("arq", "Python", ("m100",), slow=True),
    Rival("dramatiq", "Python", ("p1t8",), slow=True),
)


@dataclass(frozen=True)
class Harness:
    """The folder with bench.py and the peers' scripts, and where its install.sh has put the peers."""

    folder: Path
    home: Path

    @classmethod
    def find(cls, rivals: Sequence[Rival]) -> "Harness":
        """Return what PEERS and PEERS_HOME name; `SystemExit` with one sentence when something is missing."""
        named = os.environ.get("PEERS", "")
        if not named:
            raise SystemExit(
                "PEERS is not set: name the folder that holds the peers' bench.py, make bench-peers PEERS=…"
            )
        found = cls(Path(named).resolve(), Path(os.environ.get("PEERS_HOME") or "/tmp/peers").resolve())
        if not (found.folder / "bench.py").exists():
            raise SystemExit(f"PEERS is {named}, where there is no bench.py: name the folder of the peers' harness")
        install = f"PEERS_HOME={found.home} bash {found.folder}/install.sh"
        for rival in rivals:
            needed = [found.python(rival), found.script(rival)]
            if rival.language == "Node":
                needed.append(found.home / "node" / "node_modules" / rival.name.replace("_", "-"))
            for path in needed:
                if not path.exists():
                    raise SystemExit(
                        f"{rival.name} is not installed, {path} is missing: run {install}, or leave it out"
                    )
        return found

    def python(self, rival: Rival) -> Path:
        """Return the Python that runs a peer's script."""
        if rival.name == OURS:
            return Path(sys.executable)
        return self.home / (rival.venv or rival.name) / "bin" / "python"

    def script(self, rival: Rival) -> Path:
        """Return a peer's script."""
        return HERE / "run.py" if rival.name == OURS else self.folder / rival.name / "run.py"

    def measure(self, rival: Rival, measure: str, size: str, *, all_modes: bool) -> list[dict[str, Any]]:
        """Run one measure of a peer once; return its lines. `RuntimeError` with what it wrote when it fails."""
        script = self.script(rival)
        settings = SIZES[size] | (SLOW.get(size, {}) if rival.slow else {})
        if rival.modes and not all_modes:
            settings = settings | {"drain_modes": rival.modes}
        env = {"PEERS": str(self.folder), "PEERS_HOME": str(self.home), "BESIDE": json.dumps(settings)}
        env["PYTHONDONTWRITEBYTECODE"] = "1"  # the harness's folder stays as it is
        if rival.name == OURS:
            env["PYTHONPATH"] = str(ROOT)
        command = [str(self.python(rival)), str(HERE / "step.py"), str(script), measure]
        if rival.name != FLOOR:
            command += ["--reps", "1"]  # in turns: each repetition is a process of its own
        process = subprocess.Popen(
            command, cwd=script.parent, env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            output, errors = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"not done after {TIMEOUT:.0f} s") from None
        finally:
            _end(process)
        if process.returncode:
            raise RuntimeError((errors or output).strip() or f"exit code {process.returncode}")
        return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _end(process: "subprocess.Popen[str]") -> None:
    """Kill what was left half way, the peer's workers too: they are sessions of their own."""
    if process.poll() is None:
        family = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        process.wait()
