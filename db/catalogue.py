"""What the database says about itself: every object of schema taskbell with its COMMENT, for docs and house tests."""

from typing import NamedTuple

import psycopg

ROLES = "taskbell\\_%"


class Function(NamedTuple):
    """A function as people call it, who may, and its comment."""

    name: str
    arguments: str
    result: str
    roles: list[str]
    comment: str | None


class Column(NamedTuple):
    """A column of a view."""

    name: str
    type: str
    comment: str | None


class Relation(NamedTuple):
    """A view or table, who may read it, its columns, and its comment."""

    name: str
    kind: str
    roles: list[str]
    columns: list[Column]
    comment: str | None


def functions(connection: psycopg.Connection) -> list[Function]:
    """Return every function, by name."""
    query = """
        select p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
          array(
            select r.rolname::text from pg_roles r where r.rolname like %s and not r.rolcanlogin
              and r.rolname <> 'taskbell_owner' and has_function_privilege(r.oid, p.oid, 'execute') order by 1),
          obj_description(p.oid, 'pg_proc')
        from pg_proc p
        where p.pronamespace = 'taskbell'::regnamespace and p.prorettype <> 'trigger'::regtype
        order by p.proname"""
    return [Function(*row) for row in connection.execute(query, [ROLES])]


def relations(connection: psycopg.Connection) -> list[Relation]:
    """Return every table and view, by name."""
    query = """
        select c.relname, case c.relkind when 'v' then 'view' else 'table' end,
          array(
            select r.rolname::text from pg_roles r where r.rolname like %s and not r.rolcanlogin
              and r.rolname <> 'taskbell_owner' and has_table_privilege(r.oid, c.oid, 'select') order by 1),
          array(
            select jsonb_build_array(attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum))
            from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum),
          obj_description(c.oid, 'pg_class')
        from pg_class c
        where c.relnamespace = 'taskbell'::regnamespace and c.relkind in ('r', 'p', 'v')
        order by c.relname"""
    rows = connection.execute(query, [ROLES])
    return [
        Relation(name, kind, readers, [Column(*column) for column in columns], comment)
        for name, kind, readers, columns, comment in rows
    ]


def roles(connection: psycopg.Connection) -> list[tuple[str, str | None]]:
    """Return Taskbell's roles, logins aside, with their comments."""
    query = """
        select rolname, shobj_description(oid, 'pg_authid') from pg_roles
        where rolname like %s and not rolcanlogin order by rolname"""
    return connection.execute(query, [ROLES]).fetchall()
