"""A copy of the tree in which `make run` runs, as in a fresh clone; the virtual environment is shared."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
from dotenv import dotenv_values

from db.embedded import free_port
from db.settings import ROOT, Settings
from tests.servers import find_program

RUNNING = "Ctrl-C stops it."


class Tree:
    """The copy; `run` starts `make run` there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.launchers: list[Launcher] = []
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for name in names:
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        blank = {name.upper() for name in Settings.model_fields}
        self.env = {name: value for name, value in os.environ.items() if name not in blank}
        for name in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS"):
            self.env.pop(name, None)
        self.http, self.admin = free_port(), free_port()
        example = (folder / ".env.example").read_text()
        example = example.replace("HTTP_PORT=8000", f"HTTP_PORT={self.http}")
        (folder / ".env.example").write_text(example.replace("ADMIN_PORT=8001", f"ADMIN_PORT={self.admin}"))

    def dotenv(self, name: str) -> str:
        """Return a value of its `.env`."""
        return dotenv_values(self.folder / ".env")[name] or ""

    def make(self, *words: str, stdin: str = "", **env: str) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end."""
        return subprocess.run(
            ["make", "--no-print-directory", *words],
            cwd=self.folder,
            env=self.env | env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def run(self) -> "Launcher":
        """Start `make run`."""
        self.launchers.append(Launcher(self))
        return self.launchers[-1]


class Launcher:
    """A `make run` with its output in a file."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._log = tree.folder / "run.log"
        with self._log.open("wb") as output:
            self.make = subprocess.Popen(
                [find_program("make") or "make", "run"],
                cwd=tree.folder,
                env=tree.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, pattern: str, timeout: float = 90) -> re.Match[str]:
        deadline = time.monotonic() + timeout
        while not (found := re.search(pattern, self.log())):
            assert self.make.poll() is None or re.search(pattern, self.log()), self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return found

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.make.pid).children(recursive=True)

    def part(self, word: str) -> psutil.Process:
        """Return the process whose command line holds this word, the outermost one."""
        return next(one for one in self.family() if any(word in part for part in one.cmdline()))

    def press_ctrl_c(self) -> int:
        """Do what a terminal does: SIGINT for the whole foreground group."""
        family = self.family()
        os.killpg(self.make.pid, signal.SIGINT)
        code = self.make.wait(40)
        assert_gone(family)
        return code


def assert_gone(processes: list[psutil.Process], timeout: float = 25) -> None:
    _, alive = psutil.wait_procs(processes, timeout=timeout)
    alive = [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
    names = [one.cmdline() for one in alive]
    for one in alive:
        one.kill()
    assert not names
