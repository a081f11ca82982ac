"""What a migration has left to do: the tree's SQL files held against those that a database remembers."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

from db import schema_files
from db.migration_roles import Refused
from db.schema_files import SqlFile

BOOKKEEPING = SqlFile(
    "migrate.py",
    """\
create schema if not exists taskbell authorization taskbell_owner;

set local role taskbell_owner;

create table taskbell.migration (
  name text constraint migration_pkey primary key,
  sha256 text not null,
  applied_at timestamptz not null default clock_timestamp()
);

comment on table taskbell.migration is
'Which SQL files of the source stand behind this schema. Only db.migrate writes here.';
comment on column taskbell.migration.name is
'File below db/: migrations/ run once, all others are re-applied when one changed.';
comment on column taskbell.migration.sha256 is 'Hash of the file as it was applied.';
""",
)


@dataclass(frozen=True)
class Plan:
    """Migrations not yet run, current files to apply, remembered current files that the tree no longer has."""

    pending: list[SqlFile]
    current: list[SqlFile]
    gone: list[str]

    @property
    def files(self) -> list[SqlFile]:
        """Everything to apply, in order."""
        return [*self.pending, *self.current]


def has_bookkeeping(connection: psycopg.Connection) -> bool:
    """Tell whether this database was ever migrated; needs no right in it."""
    query = """
        select from pg_class join pg_namespace on pg_namespace.oid = relnamespace
        where nspname = 'taskbell' and relname = 'migration'"""
    return connection.execute(query).fetchone() is not None


def make_plan(connection: psycopg.Connection, root: Path) -> Plan:
    """Compare the tree under `root` with the database. `Refused`: they don't belong together."""
    applied: dict[str, str] = {}
    if has_bookkeeping(connection):
        applied = dict(connection.execute("select name, sha256 from taskbell.migration").fetchall())
    ran = {name: sha for name, sha in applied.items() if name.startswith("migrations/")}
    stood = {name: sha for name, sha in applied.items() if name not in ran}
    pending = _pending(ran, root)
    current = schema_files.current(connection.info.server_version // 10000, root)
    stands = stood == {file.name: file.sha256 for file in current}
    gone = sorted(stood.keys() - {file.name for file in current})
    return Plan(pending, [] if stands and not pending else current, gone)


def _pending(ran: dict[str, str], root: Path) -> list[SqlFile]:
    try:
        migrations = {file.name: file for file in schema_files.migrations(root)}
    except ValueError as error:
        raise Refused(str(error)) from error
    if unknown := sorted(ran.keys() - migrations.keys()):
        raise Refused(f"the database is newer than this code: {unknown[-1]} was applied to it; update the code")
    if changed := sorted(name for name, sha in ran.items() if migrations[name].sha256 != sha):
        raise Refused(f"{changed[0]} was changed after it was applied; restore it and write a new migration")
    pending = [file for name, file in migrations.items() if name not in ran]
    if pending and pending[0].name < max(ran, default=""):
        raise Refused(f"{pending[0].name} comes before {max(ran)}, which was already applied; give it the next number")
    return pending
