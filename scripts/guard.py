"""Leaves nothing running: ends the process groups of a launcher that died, however it died.

`python -m scripts.guard` reads process group ids, one a line (`-7` strikes 7 out again), from its standard
input, which only the launcher holds. When that closes, what is left of the list is asked to stop, later killed.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE = 15.0  # seconds from SIGINT (Postgres: fast shutdown) to SIGKILL


class Guard:
    """The launcher's end: tell it of every group, close it when all have been stopped."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.guard"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            cwd=Path(__file__).resolve().parent.parent,
        )

    def watch(self, group: int) -> None:
        """End this process group when the launcher is gone."""
        self._tell(f"{group}\n")

    def forget(self, group: int) -> None:
        """This group has ended by itself; its number may be given to others."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Say that the launcher goes now, and wait until the rest of its groups is gone."""
        if self._process.stdin:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin:
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def main() -> None:
    """Read until the launcher is gone, then end what is left."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)  # the launcher's end is the only one that counts
    groups: dict[int, None] = {}
    for line in sys.stdin:
        number = int(line)
        if number > 0:
            groups[number] = None
        else:
            groups.pop(-number, None)
    end(list(groups))


def end(groups: list[int]) -> None:
    """Ask the groups to stop, the last started first; kill what has not after `PATIENCE`."""
    for group in reversed(groups):
        _signal(group, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    while any(_signal(group, 0) for group in groups) and time.monotonic() < deadline:
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
