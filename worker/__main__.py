"""`python -m worker`: one worker process. SIGTERM or SIGINT drains it, a second one stops it at once."""

import asyncio
import contextlib
import os
import sys
from types import ModuleType

from db import logs
from db import settings as settings_module
from db.settings import Settings
from worker import discovery, reload
from worker.registry import known_tasks
from worker.service import Service


def main() -> None:
    """Run a worker until it is asked to stop."""
    settings = settings_module.load()
    logs.setup(settings.log_level, settings.log_format, service="worker")
    develops = settings.environment == "development"
    modules = discovery.load(settings.task_modules, tolerant=develops)
    service_again = asyncio.run(_run(settings, modules, develops=develops))
    if service_again:
        reload.start_again()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of abandoned tasks, and what they hold, end with the process


async def _run(settings: Settings, modules: list[ModuleType], *, develops: bool) -> bool:
    """Run the service; return whether it should be started again, its code having changed."""
    service = Service(settings, known_tasks())
    changed = False

    def restart() -> None:
        nonlocal changed
        changed = True
        service.ask_to_stop()

    watching = asyncio.create_task(reload.wait_for_change(modules, restart)) if develops else None
    try:
        await service.run()
    finally:
        if watching is not None:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    return changed


if __name__ == "__main__":
    main()
