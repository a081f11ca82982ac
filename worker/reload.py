"""In development: starts the worker again when its code changes, once what runs has ended."""

import logging
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from watchfiles import PythonFilter, awatch

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent


async def wait_for_change(files: Iterable[Path], since: float, then: Callable[[], None]) -> None:
    """Wait until a Python file of the worker, of `db/`, or beside one of `files` changes; then call `then`.

    `since`: when they were begun to be read (Unix time), so that a change before the watch began is seen, too.
    """
    folders = {ROOT / "worker", ROOT / "db"}
    folders |= {file.parent for file in files}
    watching = awatch(
        *folders, watch_filter=PythonFilter(), step=100, debounce=400, rust_timeout=1000, yield_on_timeout=True
    )
    async for changes in watching:
        names = sorted({Path(path).name for _, path in changes} or _newer(folders, since))
        if names:
            log.info("%s changed: starting again", ", ".join(names))
            then()
            return


def _newer(folders: Iterable[Path], since: float) -> set[str]:
    files = (file for folder in folders for file in folder.glob("*.py"))
    return {file.name for file in files if file.exists() and file.stat().st_mtime > since}


def start_again() -> None:
    """Replace this process by a fresh one of the same id."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "worker"])  # noqa: S606 - no shell is wanted
