"""A file system of a few megabytes that a test can make full, and a Postgres that keeps its tables or its WAL there."""

import errno
import os
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from tests.acceptance.own_servers import OwnPostgres


class SmallDisk:
    """A tmpfs of its own. `OSError`: it can't be mounted here; that takes root."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        folder.mkdir()
        options = f"size={megabytes}m,mode=0711"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True, text=True
        )
        if done.returncode:
            raise OSError(done.stderr.strip())
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 1 << 12):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError as error:
                    assert error.errno == errno.ENOSPC, error

    def clear(self) -> None:
        """Have room again."""
        self._ballast.unlink()

    def close(self) -> None:
        """Unmount it, once nobody uses it any more."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def keep_tables_on(disk: SmallDisk, postgres: OwnPostgres) -> None:
    """Move the test's database there."""
    space = disk.folder / "space"
    postgres.give(space)
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create tablespace small location {}").format(str(space)))
        name = sql.Identifier(postgres.database.name)
        connection.execute(sql.SQL("alter database {} set tablespace small").format(name))


def keep_wal_on(disk: SmallDisk, postgres: OwnPostgres) -> None:
    """Move the server's log there, in which it writes down every change before it makes it."""
    postgres.shut_down()
    here, there = postgres.data / "pg_wal", disk.folder / "pg_wal"
    postgres.give(there)
    subprocess.run(["cp", "-a", f"{here}/.", str(there)], check=True)
    here.rename(here.with_name("pg_wal_before"))
    here.symlink_to(there)
    if os.geteuid() == 0:
        os.chown(here, postgres.data.stat().st_uid, -1, follow_symlinks=False)
    postgres.start()
