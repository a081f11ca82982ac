"""Django's settings while it migrates: another login, and no deadline on building an index."""

from admin_site.settings import *  # noqa: F403 - the same settings, but for the login
from admin_site.settings import database, taskbell

DATABASES = {"default": database(taskbell.migrate_database_url or taskbell.database_url, timeout=0)}
