"""Makes Taskbell's roles and the memberships that a migration needs, as a superuser or with CREATEROLE alone."""

import psycopg
from psycopg import sql

from db import schema_files

OWNER = "taskbell_owner"
APP_ROLES = ("taskbell_producer", "taskbell_reader", "taskbell_operator", "taskbell_worker", "taskbell_service")
ACTIVITY = "pg_read_all_stats"  # lets its member see when other sessions' transactions began
SET_AND_INHERIT = 16  # since this major version a membership says whether it lets its member SET ROLE


class Refused(Exception):  # noqa: N818 - reads as the outcome it is
    """The database can't be migrated; the message is one sentence for the person at the terminal."""


def ensure_roles(connection: psycopg.Connection, app_login: str | None) -> list[str]:
    """Make what is missing of the roles and memberships, in the caller's transaction; return what was done."""
    done = []
    if _missing_roles(connection):
        file = schema_files.roles()
        try:
            connection.execute(file.text.encode())
        except psycopg.errors.InsufficientPrivilege as error:
            user = connection.info.user
            raise Refused(
                f"the login {user} may not create roles: as a superuser, alter role {user} createrole"
            ) from error
        done.append(f"applied {file.name}")
    if not _may_act_as_owner(connection):
        modern = connection.info.server_version // 10000 >= SET_AND_INHERIT
        options = " with set true, inherit true" if modern else ""
        _grant(connection, OWNER, connection.info.user, options)
        done.append(f"granted {OWNER} to {connection.info.user}")
    wanted = [("taskbell_reader", "taskbell_operator"), *((role, app_login) for role in APP_ROLES if app_login)]
    for role, member in wanted:
        if member and _may_gain(connection, role, member):
            _grant(connection, role, member)
            done.append(f"granted {role} to {member}")
    return done + _let_owner_see_activity(connection)


def _missing_roles(connection: psycopg.Connection) -> set[str]:
    wanted = [OWNER, *APP_ROLES]
    found = connection.execute("select rolname from pg_roles where rolname = any(%s)", [wanted]).fetchall()
    return set(wanted) - {name for (name,) in found}


def _may_act_as_owner(connection: psycopg.Connection) -> bool:
    privilege = "SET" if connection.info.server_version // 10000 >= SET_AND_INHERIT else "MEMBER"
    query = "select pg_has_role(%s, %s) and pg_has_role(%s, 'USAGE')"
    return connection.execute(query, [OWNER, privilege, OWNER]).fetchone() == (True,)


def _may_gain(connection: psycopg.Connection, role: str, member: str) -> bool:
    """Tell whether there is such a member, and it has not got the role by a grant of its own."""
    query = """
        select from pg_roles granted cross join pg_roles member
        where granted.rolname = %s and member.rolname = %s and not exists (
          select from pg_auth_members where roleid = granted.oid and pg_auth_members.member = member.oid)"""
    return connection.execute(query, [role, member]).fetchone() is not None


def _let_owner_see_activity(connection: psycopg.Connection) -> list[str]:
    """Let taskbell.health tell the oldest transaction, where this login may hand that out; else it says null."""
    if not _may_gain(connection, ACTIVITY, OWNER):
        return []
    try:
        with connection.transaction():
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(ACTIVITY), sql.Identifier(OWNER)))
    except psycopg.errors.InsufficientPrivilege:
        return []
    return [f"granted {ACTIVITY} to {OWNER}"]


def _grant(connection: psycopg.Connection, role: str, login: str, options: str = "") -> None:
    try:
        connection.execute(sql.SQL("grant {} to {}" + options).format(sql.Identifier(role), sql.Identifier(login)))
    except psycopg.errors.InsufficientPrivilege as error:
        user = connection.info.user
        cure = f"as a superuser, grant {role} to {user} with admin option"
        raise Refused(f"the login {user} may not hand out {role}, which another login made: {cure}") from error
