"""The schema as the catalogue tells it: every object commented, nothing overloaded, and exactly these rights."""

from typing import Any

import psycopg
import pytest

from tests.servers import Database

PRODUCER = {"enqueue", "enqueue_many", "wait", "get", "cancel", "channel"}
READER_VIEWS = {"tasks", "queues", "stats", "workers", "task_types", "health", "estimates"}
OPERATOR_VIEWS = {"attempts", "acts"}
READER = {"get", "wait", "why", "channel", "now", "lock_life", "oldest_transaction", "find_key", "history"}
OPERATOR = {"cancel", "retry", "reschedule", "pause", "resume", "configure", "prune"}
WORKER = {
    "register", "deregister", "heartbeat", "poll", "hold", "unhold", "claim", "complete", "fail", "release", "reconcile",
    "progress", "rescue", "prune_expired", "bell_key",
}  # fmt: skip
RIGHTS = {
    "producer": PRODUCER,
    "reader": READER,
    "operator": OPERATOR | READER,
    "worker": WORKER,
    "service": {"act_as"},
}

UNCOMMENTED = """
select 'function ' || p.oid::regprocedure from pg_proc p where p.pronamespace = 'taskbell'::regnamespace
  and obj_description(p.oid, 'pg_proc') is null
union all
select c.relkind::text || ' ' || c.oid::regclass from pg_class c where c.relnamespace = 'taskbell'::regnamespace
  and c.relkind in ('r', 'v', 'm', 'p') and obj_description(c.oid, 'pg_class') is null
union all
select 'index ' || i.indexrelid::regclass from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace = 'taskbell'::regnamespace and obj_description(i.indexrelid, 'pg_class') is null
  and not exists (select from pg_constraint k where k.conindid = i.indexrelid)
union all
select 'type ' || t.oid::regtype from pg_type t where t.typnamespace = 'taskbell'::regnamespace and t.typtype in ('e', 'd')
  and obj_description(t.oid, 'pg_type') is null
union all
select 'trigger ' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'taskbell'::regnamespace and not t.tgisinternal and obj_description(t.oid, 'pg_trigger') is null
union all
select 'role ' || r.rolname from pg_roles r where r.rolname in
  ('taskbell_owner', 'taskbell_producer', 'taskbell_reader', 'taskbell_operator', 'taskbell_worker', 'taskbell_service')
  and shobj_description(r.oid, 'pg_authid') is null
union all
select 'schema taskbell' where obj_description('taskbell'::regnamespace, 'pg_namespace') is null
"""


@pytest.fixture
def superuser(database: Database) -> psycopg.Connection[Any]:
    return database.connect("superuser")


def column(connection: psycopg.Connection[Any], query: str, *arguments: object) -> list[Any]:
    """Return the first column."""
    return [row[0] for row in connection.execute(query, arguments).fetchall()]  # type: ignore[arg-type]  # SQL made here


def test_every_object_has_a_comment(superuser: psycopg.Connection[Any]) -> None:
    assert column(superuser, UNCOMMENTED) == []


def test_no_function_is_overloaded(superuser: psycopg.Connection[Any]) -> None:
    query = (
        "select proname from pg_proc where pronamespace = 'taskbell'::regnamespace group by proname having count(*) > 1"
    )
    assert column(superuser, query) == []


def test_everything_belongs_to_the_owner_who_cannot_log_in(superuser: psycopg.Connection[Any]) -> None:
    owners = """
        select distinct pg_get_userbyid(o) from (
          select proowner as o from pg_proc where pronamespace = 'taskbell'::regnamespace union all
          select relowner from pg_class where relnamespace = 'taskbell'::regnamespace union all
          select typowner from pg_type where typnamespace = 'taskbell'::regnamespace union all
          select nspowner from pg_namespace where nspname = 'taskbell') as owners"""
    assert column(superuser, owners) == ["taskbell_owner"]
    row = superuser.execute(
        "select rolcanlogin, rolsuper, rolcreaterole from pg_roles where rolname = 'taskbell_owner'"
    ).fetchone()
    assert row == (False, False, False)


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_may_call_exactly_these(superuser: psycopg.Connection[Any], role: str) -> None:
    query = "select proname from pg_proc where pronamespace = 'taskbell'::regnamespace and has_function_privilege(%s, oid, 'execute')"
    assert set(column(superuser, query, f"taskbell_{role}")) == RIGHTS[role]


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_may_read_exactly_these_and_write_nothing(superuser: psycopg.Connection[Any], role: str) -> None:
    views = {"reader": READER_VIEWS, "operator": READER_VIEWS | OPERATOR_VIEWS}.get(role, set())
    query = """
        select relname from pg_class where relnamespace = 'taskbell'::regnamespace and relkind in ('r', 'v', 'S', 'm', 'p')
        and has_table_privilege(%s, oid, %s)"""
    assert set(column(superuser, query, f"taskbell_{role}", "select")) == views
    for privilege in ("insert", "update", "delete", "truncate", "references", "trigger"):
        assert column(superuser, query, f"taskbell_{role}", privilege) == []


def test_public_may_do_nothing(superuser: psycopg.Connection[Any]) -> None:
    superuser.execute("create role nobody_special_x nologin")
    try:
        query = "select proname from pg_proc where pronamespace = 'taskbell'::regnamespace and has_function_privilege('nobody_special_x', oid, 'execute')"
        assert column(superuser, query) == []
        assert superuser.execute("select has_schema_privilege('nobody_special_x', 'taskbell', 'usage')").fetchone() == (
            False,
        )
    finally:
        superuser.execute("drop role nobody_special_x")


def test_what_runs_as_the_owner_has_a_pinned_search_path(superuser: psycopg.Connection[Any]) -> None:
    query = """
        select proname from pg_proc where pronamespace = 'taskbell'::regnamespace and prosecdef
        and not coalesce('search_path=pg_catalog, taskbell, pg_temp' = any (proconfig), false)"""
    assert column(superuser, query) == []


def test_what_others_may_call_runs_as_the_owner(superuser: psycopg.Connection[Any]) -> None:
    """All but a few that touch no table."""
    query = "select proname from pg_proc where pronamespace = 'taskbell'::regnamespace and not prosecdef and proname = any (%s)"
    callable_by_others = sorted(PRODUCER | READER | OPERATOR | WORKER | {"act_as"})
    assert set(column(superuser, query, callable_by_others)) == {"channel", "now", "lock_life", "bell_key"}
