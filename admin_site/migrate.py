"""Makes the admin's own tables: `python -m admin_site.migrate`, after `python -m db.migrate`.

Safe to run twice, and by several at once. It runs as MIGRATE_DATABASE_URL; the running login may then
use the tables, and owns nothing.
"""

import os
import sys

import django
import psycopg
from django.core.management import call_command
from django.db import Error
from psycopg.conninfo import conninfo_to_dict

from db import django_schema
from db.migration_roles import Refused
from db.settings import load


def main() -> None:
    """Migrate as the settings say; exit 0 when all is in place, else 1 with one sentence."""
    settings = load()
    os.environ["DJANGO_SETTINGS_MODULE"] = "admin_site.migration_settings"
    django.setup()
    url = settings.migrate_database_url or settings.database_url
    try:
        with django_schema.prepared(url, str(conninfo_to_dict(settings.database_url).get("user") or "")):
            call_command("migrate", verbosity=1 if "-v" in sys.argv else 0)
    except (Refused, psycopg.Error, Error) as error:
        raise SystemExit(f"admin_site.migrate: {' '.join(str(error).split())}") from None
    sys.stdout.write("the admin's tables are in place\n")


if __name__ == "__main__":
    main()
