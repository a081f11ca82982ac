"""`make clean`: removes what was made in this folder, but `.env`. Standard library only."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHES = (".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache", ".reports", ".venv")


def main() -> None:
    """Remove caches and `.venv`; `.data`, which is the database, only after a yes (or with YES=1)."""
    data = ROOT / ".data"
    if data.exists():
        _refuse_while_running(data / "run.lock")
        if _yes("Remove .data too, with the database of `make run`? [y/N] "):
            shutil.rmtree(data)
    for name in CACHES:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for folder in [*ROOT.glob("*/**/__pycache__"), ROOT / "__pycache__"]:
        shutil.rmtree(folder, ignore_errors=True)


def _yes(question: str) -> bool:
    if os.environ.get("YES"):
        return True
    return sys.stdin.isatty() and input(question).strip().lower() in {"y", "yes"}


def _refuse_while_running(lock: Path) -> None:
    if lock.exists():
        with lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SystemExit("Taskbell runs from this folder: stop it first") from None


if __name__ == "__main__":
    main()
