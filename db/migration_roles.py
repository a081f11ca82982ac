"""Makes Taskbell's roles and the memberships that a migration needs, as a superuser or with CREATEROLE alone."""

import psycopg
from psycopg import sql

from db import schema_files

OWNER = "taskbell_owner"
APP_ROLES = ("taskbell_producer", "taskbell_reader", "taskbell_operator", "taskbell_worker", "taskbell_service")
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
    if app_login:
        for role in _missing_memberships(connection, app_login):
            _grant(connection, role, app_login)
            done.append(f"granted {role} to {app_login}")
    return done


def _missing_roles(connection: psycopg.Connection) -> set[str]:
    wanted = [OWNER, *APP_ROLES]
    found = connection.execute("select rolname from pg_roles where rolname = any(%s)", [wanted]).fetchall()
    return set(wanted) - {name for (name,) in found}


def _may_act_as_owner(connection: psycopg.Connection) -> bool:
    privilege = "SET" if connection.info.server_version // 10000 >= SET_AND_INHERIT else "MEMBER"
    query = "select pg_has_role(%s, %s) and pg_has_role(%s, 'USAGE')"
    return connection.execute(query, [OWNER, privilege, OWNER]).fetchone() == (True,)


def _missing_memberships(connection: psycopg.Connection, login: str) -> list[str]:
    """Return the roles that `login` is no direct member of; none when there is no such login."""
    query = """
        select granted.rolname from pg_roles granted cross join pg_roles member
        where granted.rolname = any(%s) and member.rolname = %s and not exists (
          select from pg_auth_members where roleid = granted.oid and pg_auth_members.member = member.oid)
        order by granted.rolname"""
    return [name for (name,) in connection.execute(query, [list(APP_ROLES), login]).fetchall()]


def _grant(connection: psycopg.Connection, role: str, login: str, options: str = "") -> None:
    try:
        connection.execute(sql.SQL("grant {} to {}" + options).format(sql.Identifier(role), sql.Identifier(login)))
    except psycopg.errors.InsufficientPrivilege as error:
        user = connection.info.user
        cure = f"as a superuser, grant {role} to {user} with admin option"
        raise Refused(f"the login {user} may not hand out {role}, which another login made: {cure}") from error
