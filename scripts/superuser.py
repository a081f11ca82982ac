"""`make superuser`: makes a user for the admin, asking, or from DJANGO_SUPERUSER_{USERNAME,EMAIL,PASSWORD}."""

import os
import sys

from db import startup
from db.settings import load


def main() -> None:
    """Become Django's own command; `SystemExit` when the database does not answer."""
    if why := startup.why_unreachable(load().database_url):
        raise SystemExit(f"the database does not answer ({why}): start it first, `make run` or `make up`")
    command = [sys.executable, "-m", "admin_site.manage", "createsuperuser"]
    if os.environ.get("DJANGO_SUPERUSER_PASSWORD"):
        command.append("--noinput")
        os.environ.setdefault("DJANGO_SUPERUSER_EMAIL", "")  # Django wants it said that there is none
    os.execv(sys.executable, command)  # noqa: S606 - Django's command itself


if __name__ == "__main__":
    main()
