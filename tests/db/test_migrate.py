import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from db import django_schema, embedded, schema_files
from db import migrate as migrate_module
from db.logins import APP, MIGRATOR, ensure_logins
from db.migrate import Refused, migrate
from scripts.guard import Guard
from tests.servers import FAST, Database, PostgresServer


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the SQL files that a test may change."""
    root = tmp_path / "db"
    shutil.copytree(schema_files.ROOT, root, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return root


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[Callable[..., str]]:
    """`empty(name, "encoding …") -> name`: makes a database that nobody migrated; the migrator owns it."""
    made = []
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as superuser:

        def make(name: str, options: str = "") -> str:
            query = sql.SQL(f"create database {{}} template template0 owner {{}} {options}")
            superuser.execute(query.format(sql.Identifier(name), sql.Identifier(MIGRATOR)))
            made.append(name)
            return name

        yield make
        for name in made:
            superuser.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def bare_server(request: pytest.FixtureRequest, tmp_path: Path, guard: Guard) -> Iterator[Callable[..., str]]:
    """A server that never saw Taskbell: `url(login, database)`."""
    binaries = request.getfixturevalue("postgres_server")._embedded.binaries
    server = embedded.Postgres(tmp_path / "bare", embedded.free_port(), "super-password", binaries, FAST)
    process = embedded.start(server, tmp_path / "bare.log")
    guard.watch(process.pid)
    passwords = {"postgres": "super-password", MIGRATOR: "m", APP: "a"}

    def url(login: str, database: str = "postgres") -> str:
        return server.url(login, passwords[login], database)

    yield url
    embedded.stop(process)


def test_a_second_time_changes_nothing(database: Database) -> None:
    connection = database.connect("superuser")
    query = "select xmin, * from taskbell.migration order by name"
    before = connection.execute(query).fetchall()
    assert migrate(database.migrate_url, app_login=APP) == []
    assert connection.execute(query).fetchall() == before
    assert {name for _, name, *_ in before} >= {"migrations/0001_tasks.sql", "functions/claim.sql", "grants.sql"}


def test_a_changed_current_file_brings_all_of_them_again(database: Database, tree: Path) -> None:
    path = tree / "functions" / "clock.sql"
    path.write_text(path.read_text().replace("interval '5 seconds'", "interval '6 seconds'"))
    (tree / "functions" / "gone.sql").write_text("select 1;")
    done = migrate(database.migrate_url, app_login=APP, root=tree)
    assert {"applied functions/clock.sql", "applied views/tasks.sql", "applied grants.sql"} <= set(done)
    assert not [line for line in done if "migrations/" in line]
    assert database.connect("migrate").execute("select taskbell.lock_life()::text").fetchone() == ("00:00:06",)
    (tree / "functions" / "gone.sql").unlink()
    assert migrate(database.migrate_url, app_login=APP, root=tree) != []
    assert migrate(database.migrate_url, app_login=APP, root=tree) == []


def test_a_new_migration_runs_once_and_brings_the_current_files_again(database: Database, tree: Path) -> None:
    (tree / "migrations" / "9000_more.sql").write_text(
        "create table taskbell.more (id int); comment on table taskbell.more is 'More.';"
    )
    done = migrate(database.migrate_url, app_login=APP, root=tree)
    assert done[0] == "applied migrations/9000_more.sql"
    assert done[-1] == "applied grants.sql"
    owner = "select tableowner from pg_tables where schemaname = 'taskbell' and tablename = 'more'"
    assert database.connect().execute(owner).fetchone() == ("taskbell_owner",)
    assert migrate(database.migrate_url, app_login=APP, root=tree) == []


def test_what_fails_leaves_nothing_behind_and_names_its_line(database: Database, tree: Path) -> None:
    (tree / "migrations" / "9000_more.sql").write_text("create table taskbell.more (id int);")
    (tree / "functions" / "zz.sql").write_text("select 1;\nselect oops;\n")
    with pytest.raises(Refused, match=r"db/functions/zz.sql, line 2: .*oops"):
        migrate(database.migrate_url, app_login=APP, root=tree)
    assert database.connect("superuser").execute("select to_regclass('taskbell.more')").fetchone() == (None,)


def test_history_cannot_be_changed(database: Database, tree: Path) -> None:
    first = tree / "migrations" / "0001_tasks.sql"
    text = first.read_text()
    first.write_text(text + "\n-- a thought afterwards\n")
    with pytest.raises(Refused, match=r"0001_tasks\.sql was changed after it was applied"):
        migrate(database.migrate_url, app_login=APP, root=tree)
    first.write_text(text)
    (tree / "migrations" / "0000_before.sql").write_text("select 1;")
    with pytest.raises(Refused, match=r"0000_before.sql comes before .* give it the next number"):
        migrate(database.migrate_url, app_login=APP, root=tree)


def test_a_newer_database_is_refused(database: Database, tree: Path) -> None:
    (tree / "migrations" / "9000_more.sql").write_text("select 1;")
    migrate(database.migrate_url, app_login=APP, root=tree)
    with pytest.raises(Refused, match=r"newer than this code: migrations/9000_more.sql"):
        migrate(database.migrate_url, app_login=APP)


@pytest.mark.parametrize("name", ["more.sql", "1_more.sql", "0001_Tasks.sql", "0001_other.sql"])
def test_misnamed_migrations_are_refused(database: Database, tree: Path, name: str) -> None:
    (tree / "migrations" / name).write_text("select 1;")
    with pytest.raises(Refused, match=r"must be named|have the number"):
        migrate(database.migrate_url, app_login=APP, root=tree)


def test_the_encoding_must_be_utf8(postgres_server: PostgresServer, empty: Callable[..., str]) -> None:
    name = empty("latin", "encoding 'LATIN1' locale 'C'")
    with pytest.raises(Refused, match="LATIN1, Taskbell needs UTF8"):
        migrate(postgres_server.url(MIGRATOR, name), app_login=APP)


def test_an_old_server_is_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrate_module, "OLDEST_SERVER", 99)
    with pytest.raises(Refused, match="too old: Taskbell needs 99"):
        migrate(database.migrate_url, app_login=APP)


def test_a_lock_held_by_somebody_else_is_waited_for_in_small_steps(database: Database, tree: Path) -> None:
    (tree / "migrations" / "9000_more.sql").write_text("alter table taskbell.live add column more int;")
    other = database.connect()
    with ThreadPoolExecutor() as threads:
        with other.transaction():
            other.execute("select taskbell.enqueue('echo')")  # holds a lock that ALTER TABLE waits for
            migration = threads.submit(migrate, database.migrate_url, app_login=APP, root=tree)
            with pytest.raises(TimeoutError):
                migration.result(timeout=3)  # longer than one try
        assert "applied migrations/9000_more.sql" in migration.result(timeout=10)


def test_the_tree_says_which_server_a_file_is_for(tmp_path: Path) -> None:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "new.sql").write_text("-- server: 18+\nselect 1;")
    (folder / "old.sql").write_text("-- server: <18\nselect 1;")
    (folder / "all.sql").write_text("-- the server: 18+\nselect 1;")
    assert [file.name for file in schema_files.current(18, tmp_path)] == ["functions/all.sql", "functions/new.sql"]
    assert [file.name for file in schema_files.current(17, tmp_path)] == ["functions/all.sql", "functions/old.sql"]


def test_two_migrators_at_once_in_one_database_and_in_two(bare_server: Callable[..., str]) -> None:
    databases = ["one", "two"]
    for name in databases:
        ensure_logins(bare_server("postgres"), migrator_password="m", app_password="a", database=name)
    with ThreadPoolExecutor() as threads:
        running = [threads.submit(migrate, bare_server(MIGRATOR, name), app_login=APP) for name in databases * 2]
        results = [one.result() for one in running]
    assert sum("applied migrations/0001_tasks.sql" in done for done in results) == len(databases)
    for name in databases:
        assert migrate(bare_server(MIGRATOR, name), app_login=APP) == []
        with psycopg.connect(bare_server(APP, name)) as connection:
            connection.execute("select taskbell.enqueue('echo')")


def test_neither_migrating_nor_running_needs_a_superuser(bare_server: Callable[..., str]) -> None:
    ensure_logins(bare_server("postgres"), migrator_password="m", app_password="a", database="mine")
    migrate(bare_server(MIGRATOR, "mine"), app_login=APP)
    with psycopg.connect(bare_server("postgres", "mine")) as superuser:
        query = "select rolname from pg_roles where rolname like 'taskbell%' and (rolsuper or rolcanlogin) order by 1"
        assert superuser.execute(query).fetchall() == [(APP,), (MIGRATOR,)]
        query = """
            select distinct pg_get_userbyid(owner) from (
              select relowner from pg_class where relnamespace = 'taskbell'::regnamespace
              union all select proowner from pg_proc where pronamespace = 'taskbell'::regnamespace
              union all select nspowner from pg_namespace where nspname = 'taskbell') as object (owner)"""
        assert superuser.execute(query).fetchall() == [("taskbell_owner",)]
    url = bare_server("postgres", "mine")
    assert migrate(url, app_login=APP) == [], "a superuser finds nothing to do either"


def test_a_try_out_on_ones_own_database(bare_server: Callable[..., str]) -> None:
    done = migrate(bare_server("postgres"), app_login="postgres")
    assert "applied grants.sql" in done
    assert migrate(bare_server("postgres"), app_login="postgres") == []


def test_every_object_has_a_comment(database: Database) -> None:
    query = """
        select 'function ' || oid::regprocedure from pg_proc
        where pronamespace = 'taskbell'::regnamespace and obj_description(oid, 'pg_proc') is null
        union all
        select 'relation ' || oid::regclass from pg_class
        where relnamespace = 'taskbell'::regnamespace and relkind in ('r', 'v')
          and obj_description(oid, 'pg_class') is null
        union all
        select 'type ' || oid::regtype from pg_type
        where typnamespace = 'taskbell'::regnamespace and typtype = 'e' and obj_description(oid, 'pg_type') is null
        union all
        select 'trigger ' || tgname from pg_trigger
        where not tgisinternal and obj_description(oid, 'pg_trigger') is null
        union all
        select 'schema taskbell' where obj_description('taskbell'::regnamespace, 'pg_namespace') is null
        union all
        select 'role ' || rolname from pg_roles
        where rolname in ('taskbell_owner', 'taskbell_producer', 'taskbell_reader', 'taskbell_operator',
          'taskbell_worker', 'taskbell_service') and shobj_description(oid, 'pg_authid') is null"""
    assert database.connect("superuser").execute(query).fetchall() == []


def run(database: Database, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "DATABASE_URL": database.url, "MIGRATE_DATABASE_URL": database.migrate_url,
           "ENVIRONMENT": "development", **settings}  # fmt: skip
    command = [sys.executable, "-m", "db.migrate", *arguments]
    return subprocess.run(command, env=env, cwd=schema_files.ROOT.parent, capture_output=True, text=True, check=False)


def test_the_command(database: Database, postgres_server: PostgresServer, empty: Callable[..., str]) -> None:
    again = run(database)
    assert (again.returncode, again.stdout) == (0, "nothing to do\n")
    assert run(database, "--print").stdout == ""
    fresh = postgres_server.url(MIGRATOR, empty("fresh"))
    printed = run(database, "--print", MIGRATE_DATABASE_URL=fresh)
    assert "-- db/roles.sql" in printed.stdout
    assert "-- db/functions/claim.sql" in printed.stdout
    done = run(database, MIGRATE_DATABASE_URL=fresh)
    assert (done.returncode, done.stderr) == (0, "")
    assert "applied migrations/0001_tasks.sql" in done.stdout
    nowhere = run(database, MIGRATE_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert nowhere.returncode == 1
    assert nowhere.stderr.count("\n") == 1
    assert "127.0.0.1" in nowhere.stderr


@pytest.mark.parametrize("key", [migrate_module.LOCK_KEY, django_schema.LOCK_KEY], ids=["schema", "admin"])
def test_who_keeps_a_migrator_out_is_named(database: Database, monkeypatch: pytest.MonkeyPatch, key: int) -> None:
    monkeypatch.setattr("db.migrate.PATIENCE", 1.0)
    monkeypatch.setattr("db.django_schema.PATIENCE", 1.0)
    url = database.login("stranger")
    with psycopg.connect(url, application_name="left open") as stranger:
        stranger.execute("select pg_advisory_lock(%s)", [key])
        who = rf"process {stranger.info.backend_pid} of login {stranger.info.user} \(left open\)"
        with pytest.raises(Refused, match=who):
            one_that_takes(key, database.migrate_url)


def one_that_takes(key: int, url: str) -> None:
    if key == migrate_module.LOCK_KEY:
        migrate(url, app_login=APP)
    with django_schema.prepared(url, APP):
        pass
