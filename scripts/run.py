"""`make run`: everything in one terminal. Starts the stores, migrates, starts API, worker and admin, says where."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from db import startup
from db.embedded import EmbeddedError
from db.settings import ROOT, Settings, load
from scripts import environment, parts
from scripts.guard import Guard
from scripts.output import say
from scripts.stores import Stores
from scripts.supervisor import PartError, Supervisor

DATA = ROOT / ".data"
PARENT_EVERY = 1.0  # seconds between two looks whether `make` is still there


def main() -> None:
    """Run until Ctrl-C, SIGTERM or a closed terminal; exit 1 with one sentence when it can't."""
    began = time.monotonic()
    made = environment.ensure()
    settings = load()
    with _only_one():
        try:
            asyncio.run(_run(settings, began, made=made))
        except (PartError, EmbeddedError) as error:
            raise SystemExit(str(error)) from None


async def _run(settings: Settings, began: float, *, made: bool) -> None:
    guard = Guard()
    supervisor = Supervisor(guard)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.begin_stop)
    watching = asyncio.create_task(_follow_parent(supervisor))
    if made:
        say("made .env with fresh secrets (mode 0600)")
    try:
        stores = Stores(settings, DATA)
        parts.check_ports(settings, stores)
        for store in stores.parts():
            await supervisor.start(store)
        await asyncio.to_thread(stores.make_ready)
        for module in ("db.migrate", "admin_site.migrate"):
            await asyncio.to_thread(_migrate, module)
        await asyncio.gather(*(supervisor.start(part) for part in parts.taskbell(settings)))
        if not supervisor.stopping:
            say(await asyncio.to_thread(_where, settings, stores, time.monotonic() - began))
        await supervisor.wait()
        say("stopping …")
    finally:
        watching.cancel()
        await supervisor.stop()
        guard.close()
    say("stopped")


def _migrate(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module], check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=ROOT
    )
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise PartError(lines[-1] if lines else f"{module} failed without a word")


def _where(settings: Settings, stores: Stores, seconds: float) -> str:
    page, admin = f"http://localhost:{settings.http_port}", f"http://localhost:{settings.admin_port}"
    user = "" if startup.admin_user_exists(settings.database_url) else "   (no admin user yet: make superuser)"
    relay = f"wsify at {settings.wsify_url}, and the API's own hub" if settings.wsify_url else "the API's own hub"
    return f"""
Taskbell is running, after {seconds:.1f} s. Ctrl-C stops it.

  page       {page}/
  API        {page}/api/      its documentation {page}/api/docs
  admin      {admin}/admin/{user}

  database   {stores.database_line()}   (make psql)
  locks      {stores.locks_line()}
  websocket  {settings.websocket_url or page.replace("http", "ws", 1) + "/ws"}, served by {relay}
"""


async def _follow_parent(supervisor: Supervisor) -> None:
    """Stop when the `make` that started us is gone, even by SIGKILL."""
    parent = os.getppid()
    while "MAKELEVEL" in os.environ:
        await asyncio.sleep(PARENT_EVERY)
        if os.getppid() != parent:
            supervisor.begin_stop()
            return


class _only_one:  # noqa: N801 - used like a function
    """Hold `.data` for this launcher alone; the system lets go when the process ends, however it ends."""

    def __enter__(self) -> None:
        _require_own(ROOT, DATA, DATA / "postgres", DATA / "valkey")
        try:
            DATA.mkdir(mode=0o700, exist_ok=True)
            self._file = (DATA / "run.lock").open("a+")
        except PermissionError:
            raise SystemExit(f"{ROOT} may not be written to by this account") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            raise SystemExit(
                f"Taskbell already runs from this folder (process {self._file.read()}): stop that first"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _require_own(root: Path, *folders: Path) -> None:
    for folder in folders:
        if folder.exists() and folder.stat().st_uid != os.geteuid():
            owner = environment.owner(folder)
            raise SystemExit(
                f"{folder.relative_to(root)} belongs to {owner}: run this as {owner}, or remove it, database and all"
            )


if __name__ == "__main__":
    main()
