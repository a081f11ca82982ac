"""`python -m worker`: one worker process. SIGTERM or SIGINT drains it, a second one stops it at once."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from db import logs
from db import settings as settings_module
from db.settings import Settings
from worker import discovery, reload
from worker.registry import known_tasks
from worker.spawn import spawn_heart

if TYPE_CHECKING:
    from worker.service import Service


def main() -> None:
    """Run a worker until it is asked to stop."""
    settings = settings_module.load()
    logs.setup(settings.log_level, settings.log_format, service="worker")
    read_at = time.time()
    heart = spawn_heart()  # it starts while the rest is imported; if that fails, it ends with us
    files = discovery.load(settings.task_modules, tolerant=_develops(settings))
    # Neither asyncio.run nor an ordinary exit: both wait for tasks that were abandoned because they don't end.
    service = asyncio.new_event_loop().run_until_complete(_run(settings, files, read_at, heart))
    sys.stdout.flush()
    sys.stderr.flush()
    if service.changed:
        reload.start_again()
    os._exit(1 if service.failed else 0)


async def _run(
    settings: Settings, files: set[Path], read_at: float, heart: subprocess.Popen[bytes] | None
) -> "Service":
    """Run a service to its end, which in development a change of its code is, too."""
    from worker.service import Service  # noqa: PLC0415 - half of all that is imported: the heart starts meanwhile

    service = Service(settings, known_tasks())
    watching = (
        asyncio.create_task(reload.wait_for_change(files, read_at, service.start_again))
        if _develops(settings)
        else None
    )
    await service.run(heart)
    if watching is not None:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    return service


def _develops(settings: Settings) -> bool:
    return settings.environment == "development"


if __name__ == "__main__":
    main()
