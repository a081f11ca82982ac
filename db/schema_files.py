"""The SQL files of this tree: which there are, in which order they apply, what each one hashes to."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent
CURRENT_FOLDERS = ("functions", "triggers", "views")
MIGRATION_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
SERVER_MARK = re.compile(r"-- server: (<?)(\d+)(\+?)\s*$")


@dataclass(frozen=True)
class SqlFile:
    """One SQL file: `name` relative to `db/` (`functions/claim.sql`), its text, its SHA-256."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hexadecimal hash of the text, the file's identity in `taskbell.migration`."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def fits(self, server_major: int) -> bool:
        """Tell whether the file is meant for such a server: `-- server: 18+` or `-- server: <18` in line one."""
        mark = SERVER_MARK.match(self.text.partition("\n")[0])
        if mark is None:
            return True
        below, major = mark[1] == "<", int(mark[2])
        return server_major < major if below else server_major >= major


def roles(root: Path = ROOT) -> SqlFile:
    """Return the file that makes the roles; it applies before all others."""
    return _read(root, root / "roles.sql")


def migrations(root: Path = ROOT) -> list[SqlFile]:
    """Return the numbered migrations, each run once, in order. `ValueError`: a name or number is wrong."""
    paths = sorted((root / "migrations").glob("*.sql"))
    numbers = [path.name[:4] for path in paths]
    for path in paths:
        if not MIGRATION_NAME.fullmatch(path.name):
            raise ValueError(f"migrations/{path.name} must be named like 0001_tables.sql")
        if numbers.count(path.name[:4]) > 1:
            raise ValueError(f"two migrations have the number {path.name[:4]}; give one the next free number")
    return [_read(root, path) for path in paths]


def current(server_major: int, root: Path = ROOT) -> list[SqlFile]:
    """Return the files that are re-applied when changed: functions, triggers, views, then grants."""
    paths = [path for folder in CURRENT_FOLDERS for path in sorted((root / folder).glob("*.sql"))]
    grants = root / "grants.sql"
    files = [_read(root, path) for path in [*paths, *([grants] if grants.exists() else [])]]
    return [file for file in files if file.fits(server_major)]


def _read(root: Path, path: Path) -> SqlFile:
    return SqlFile(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
