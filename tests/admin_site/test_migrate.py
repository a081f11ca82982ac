"""The admin's own tables: made twice and at once without harm, by another login than the one that uses them."""

import subprocess
import sys

import psycopg
import pytest

from db.settings import ROOT
from tests.admin_site.conftest import environment, python
from tests.servers import Database

SCHEMA = "taskbell_admin"


def test_several_at_once_and_again(database: Database) -> None:
    command = [sys.executable, "-m", "admin_site.migrate"]
    several = [
        subprocess.Popen(command, cwd=ROOT, env=environment(database), stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in several:
        _, complaints = process.communicate(timeout=90)
        assert (process.returncode, complaints) == (0, "")
    assert python(database, "-m", "admin_site.migrate").returncode == 0


def test_the_running_login_uses_the_tables_and_owns_none(database: Database) -> None:
    python(database, "-m", "admin_site.migrate")
    app = database.connect()
    owned = app.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = %s and pg_get_userbyid(c.relowner) = current_user",
        [SCHEMA],
    ).fetchall()
    assert owned == []
    assert app.execute("select count(*) from taskbell_admin.auth_user").fetchone() == (0,)  # nobody by default
    for statement in (
        "create table taskbell_admin.mine ()",
        "drop table taskbell_admin.auth_user",
        "delete from taskbell_admin.django_migrations",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(statement)


def test_the_groups_are_there_with_their_rights(database: Database) -> None:
    python(database, "-m", "admin_site.migrate")
    rows = (
        database.connect()
        .execute(
            "select g.name, array_agg(p.codename order by p.codename) from taskbell_admin.auth_group g"
            " join taskbell_admin.auth_group_permissions gp on gp.group_id = g.id"
            " join taskbell_admin.auth_permission p on p.id = gp.permission_id group by 1 order by 1"
        )
        .fetchall()
    )
    reader = ["view_queue", "view_task", "view_tasktype", "view_worker"]
    assert rows == [("operator", sorted([*reader, "operate", "view_act"])), ("reader", reader)]


def test_no_model_is_left_behind_by_the_migrations(database: Database) -> None:
    done = python(database, "-m", "admin_site.manage", "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout


def test_a_login_that_may_not_migrate_is_told_in_one_sentence(database: Database) -> None:
    done = python(database, "-m", "admin_site.migrate", MIGRATE_DATABASE_URL=database.url)
    assert done.returncode == 1
    assert done.stderr.startswith("admin_site.migrate: permission denied")
    assert "Traceback" not in done.stderr


def test_make_superuser_makes_one_from_the_environment(database: Database) -> None:
    python(database, "-m", "admin_site.migrate")
    given = {"DJANGO_SUPERUSER_USERNAME": "ada", "DJANGO_SUPERUSER_PASSWORD": "engine-of-1843"}
    done = python(database, "-m", "scripts.superuser", **given)
    assert done.returncode == 0, done.stderr
    query = "select username, is_superuser, password like 'pbkdf2_%' from taskbell_admin.auth_user"
    assert database.connect().execute(query).fetchall() == [("ada", True, True)]
