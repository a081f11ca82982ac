"""Who Postgres runs as. It refuses uid 0, so for root there are two ways round, tried in this order.

1. `unshare --user --map-user=1000`: inside its namespace the server is uid 1000, outside it is still
   root, with root's own folder of mode 700 as data directory. Nothing changes outside that folder.
2. Where namespaces are refused (many containers): the system user `taskbell` runs it, with its data and,
   where the wheel lies out of that user's reach, a copy of the programs below /var/lib/taskbell.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

SYSTEM_USER = "taskbell"
SYSTEM_HOME = Path("/var/lib/taskbell")
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")


@dataclass(frozen=True)
class Identity:
    """The words in front of the server's command, where its data and programs lie, and its uid outside."""

    prefix: tuple[str, ...]
    data: Path
    binaries: Path
    uid: int | None = None  # owner of its files, where that is another user

    def command(self, words: list[str]) -> list[str]:
        """Return the command as this identity."""
        return [*self.prefix, *words]

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as this identity to its end, and catch what it says."""
        return subprocess.run(
            self.command(words), check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd="/"
        )

    def give(self, path: Path) -> None:
        """Hand a file over to this identity."""
        if self.uid is not None:
            os.chown(path, self.uid, -1)


def identity_for(data: Path, binaries: Path) -> Identity:
    """Choose how to run a server whose data should lie in `data`."""
    if os.geteuid() != 0:
        return Identity((), data, binaries)
    if _namespaces_work():
        return Identity(NAMESPACE, data, binaries)
    return system_user_identity(data, binaries)


def system_user_identity(data: Path, binaries: Path) -> Identity:
    """Run as the system user `taskbell`, which is made if need be; only root can."""
    try:
        user = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--home-dir", str(SYSTEM_HOME), SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        user = pwd.getpwnam(SYSTEM_USER)
    prefix = ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--")
    if not _reachable(binaries):
        binaries = _copy_programs(binaries)
    place = SYSTEM_HOME / hashlib.sha256(str(data).encode()).hexdigest()[:12]
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chown(place, user.pw_uid, user.pw_gid)
    return Identity(prefix, place / data.name, binaries, user.pw_uid)


@lru_cache(maxsize=1)
def _namespaces_work() -> bool:
    try:
        done = subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def _reachable(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _copy_programs(binaries: Path) -> Path:
    """Copy the server's whole installation, once a version, to where the system user can read it."""
    install = binaries.parent
    stamp = hashlib.sha256(f"{install} {(binaries / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    copy = SYSTEM_HOME / f"programs-{stamp}"
    if not copy.exists():
        half = copy.with_name(f"{copy.name}.{os.getpid()}")
        shutil.copytree(install, half, symlinks=True)
        half.rename(copy)
    return copy / binaries.name
