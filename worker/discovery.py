"""Finds tasks: every module in `worker/tasks/`, and those that TASK_MODULES names."""

import importlib
import importlib.util
import logging
import pkgutil
import traceback
from collections.abc import Iterable
from pathlib import Path

from worker import tasks

log = logging.getLogger(__name__)


def load(modules: Iterable[str], *, tolerant: bool) -> set[Path]:
    """Import all modules that hold tasks; return their files. One that can't be imported is named, in one line.

    That ends the start (`SystemExit`), or, if `tolerant`, leaves its tasks out.
    """
    files: set[Path] = set()
    for name in [*_own(), *modules]:
        try:
            files |= _file(name)
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - people's modules may raise anything
            message = f"{name} can't be loaded: {type(error).__name__}: {_where(error)}{error}"
            if not tolerant:
                raise SystemExit(message) from None
            log.error("%s (its tasks stay out until that is mended)", message)  # noqa: TRY400 - one line
    return files


def _file(name: str) -> set[Path]:
    spec = importlib.util.find_spec(name)
    return {Path(spec.origin).resolve()} if spec is not None and spec.origin else set()


def _own() -> list[str]:
    found = pkgutil.iter_modules(tasks.__path__, prefix=f"{tasks.__name__}.")
    return sorted(module.name for module in found if not module.name.rsplit(".", 1)[-1].startswith("_"))


def _where(error: BaseException) -> str:
    """Return the place of the error in people's own file."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "importlib" not in one.filename]
    own = [one for one in frames if not one.filename.endswith(("worker/discovery.py", "worker/registry.py"))]
    return f"{own[-1].filename}:{own[-1].lineno}: " if own else ""
