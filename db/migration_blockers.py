"""Who keeps a migrator out: any login that may connect can hold an advisory lock for as long as it likes."""

import psycopg

HOLDERS = """
select format('process %%s of login %%s (%%s)', l.pid, coalesce(a.usename, 'unknown'),
              coalesce(nullif(a.application_name, ''), 'no application name'))
from pg_locks as l left join pg_stat_activity as a using (pid)
where l.locktype = 'advisory' and l.granted and l.pid <> pg_backend_pid() and l.objsubid = 1
    and l.database = (select d.oid from pg_database as d where d.datname = current_database())
    and l.classid::bigint = %(key)s >> 32 and l.objid::bigint = %(key)s & 4294967295
order by 1
"""


def holders(connection: psycopg.Connection, key: int) -> str:
    """Return as a clause who holds the migrators' advisory lock at the moment, as far as this login may see it."""
    rows = connection.execute(HOLDERS, {"key": key}).fetchall()
    if not rows:
        return ""
    return f"; the migrators' lock is held by {', '.join(row[0] for row in rows)}: end it with pg_terminate_backend()"
