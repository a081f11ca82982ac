"""Real logins of each role, trying what they must not be able to do."""

from typing import Any

import psycopg
import pytest

from tests.db.hand import enqueue, get
from tests.servers import Database


@pytest.fixture
def shop(database: Database) -> psycopg.Connection[Any]:
    database.login("shop", "taskbell_producer")
    return database.connect("shop")


def refused(connection: psycopg.Connection[Any], query: str, *arguments: object) -> str | None:
    """Return the SQLSTATE that a statement ends with; None: it succeeded."""
    try:
        connection.execute(query, arguments)  # type: ignore[arg-type]  # SQL made here
    except psycopg.Error as error:
        return error.sqlstate
    return None


def test_a_producer_sees_and_cancels_its_own_tasks_only(database: Database, shop: psycopg.Connection[Any]) -> None:
    mine = enqueue(shop)
    foreign = enqueue(database.connect())
    assert get(shop, mine)["id"] == str(mine)
    assert get(shop, foreign) is None
    for call in ("wait(%s, '0 s')", "cancel(%s)"):
        assert refused(shop, f"select taskbell.{call}", foreign) == "TB001"
    assert shop.execute("select taskbell.cancel(%s)", [mine]).fetchone() == ("cancelled",)
    assert refused(shop, "select taskbell.cancel(%s)", foreign) == "TB001"


FORBIDDEN = [
    "select * from taskbell.tasks",
    "select * from taskbell.live",
    "insert into taskbell.live default values",
    "select * from taskbell.attempts",
    "select taskbell.why(gen_random_uuid())",
    "select taskbell.retry(gen_random_uuid())",
    "select taskbell.pause()",
    "select taskbell.prune('0 s')",
    "select taskbell.rescue()",
    "select taskbell.act_as('key:boss')",
    "select taskbell.finish(null, 'failed')",
    "select taskbell.flaw('a', '{}', null, 0, null, null, null, null)",
    "set role taskbell_owner",
    "set role taskbell_operator",
    "create table taskbell.mine (n int)",
    "create trigger mine before insert on taskbell.live for each row execute function taskbell.wake_workers()",
    "alter function taskbell.now() owner to current_user",
    "create or replace function taskbell.now() returns timestamptz language sql return now() + '1 hour'",
    "grant taskbell_owner to current_user",
]


@pytest.mark.parametrize("query", FORBIDDEN)
def test_a_producer_is_refused(shop: psycopg.Connection[Any], query: str) -> None:
    assert refused(shop, query) == "42501"


@pytest.mark.parametrize("query", ["select taskbell.retry(gen_random_uuid())", "select taskbell.cancel(gen_random_uuid())",
                                   "select taskbell.enqueue('echo')", "select * from taskbell.attempts", "select * from taskbell.acts"])  # fmt: skip
def test_a_reader_only_reads(database: Database, query: str) -> None:
    database.login("eye", "taskbell_reader")
    assert refused(database.connect("eye"), query) == "42501"
    for view in ("tasks", "queues", "stats", "workers", "task_types", "health"):
        database.connect("eye").execute(f"select * from taskbell.{view}")  # type: ignore[arg-type]  # SQL made here


def test_an_operator_sees_all_that_a_reader_sees_and_steers(database: Database) -> None:
    database.login("boss", "taskbell_operator")
    boss = database.connect("boss")
    task_id = enqueue(database.connect())
    assert boss.execute("select id from taskbell.tasks").fetchall() == [(task_id,)]
    boss.execute("select taskbell.reschedule(%s)", [task_id])
    boss.execute("select taskbell.cancel(%s)", [task_id])
    boss.execute("select taskbell.retry(id) from taskbell.tasks")
    boss.execute("select * from taskbell.attempts")
    boss.execute("select * from taskbell.acts")
    assert refused(boss, "select taskbell.enqueue('echo')") == "42501"
    assert refused(boss, "select * from taskbell.claim(gen_random_uuid(), 'default', '{echo}', 1)") == "42501"


def test_a_forged_actor_counts_for_nothing(database: Database, shop: psycopg.Connection[Any]) -> None:
    with shop.transaction():
        shop.execute("select set_config('taskbell.actor', 'admin:boss', true)")
        task_id = enqueue(shop)
    assert database.connect().execute("select enqueued_by from taskbell.tasks").fetchone() == (shop.info.user,)
    with shop.transaction():
        shop.execute("set local taskbell.actor = 'admin:boss'")
        shop.execute("select taskbell.cancel(%s)", [task_id])
    assert database.connect().execute("select actor from taskbell.acts").fetchone() == (shop.info.user,)


def test_the_service_names_the_real_actor_for_one_transaction(app: psycopg.Connection[Any]) -> None:
    app.execute("select taskbell.enqueue('echo') from taskbell.act_as('key:shop')")
    assert app.execute("select enqueued_by from taskbell.tasks").fetchone() == ("key:shop",)
    enqueue(app)
    assert app.execute("select count(*) from taskbell.tasks where enqueued_by = %s", [app.info.user]).fetchone() == (1,)
    for actor in ("root", "key:", "key:a\nb", None, f"key:{'é' * 151}", f"admin:{'x' * 151}", "anonymous:x"):
        assert refused(app, "select taskbell.act_as(%s)", actor) == "TB005"
    for actor in ("anonymous", "key:a:b", f"key:{'é' * 150}", f"admin:{'x' * 150}"):
        assert app.execute("select taskbell.act_as(%s)", [actor]).fetchone() == (actor,)


def test_temporary_objects_never_shadow_the_owners(database: Database, shop: psycopg.Connection[Any]) -> None:
    """With pg_temp unnamed in the search path a producer's temporary table and trigger once ran as the owner."""
    shop.execute("create temp table live (like pg_class)")
    shop.execute("create temp table task_type (name text)")
    shop.execute(
        "create function pg_temp.evil() returns trigger language plpgsql as $$ begin execute 'grant taskbell_owner to public'; return new; end $$"
    )
    shop.execute("create trigger evil before insert on task_type for each row execute function pg_temp.evil()")
    shop.execute(
        "create function pg_temp.now() returns timestamptz language sql as 'select timestamptz ''2090-01-01'''"
    )
    shop.execute("set search_path = pg_temp, pg_catalog")
    task_id = enqueue(shop)
    row = (
        database.connect()
        .execute("select run_at < now() + interval '1 minute' from taskbell.tasks where id = %s", [task_id])
        .fetchone()
    )
    assert row == (True,)
    query = "select count(*) from pg_auth_members where roleid = 'taskbell_owner'::regrole and member = %s::regrole"
    assert database.connect("superuser").execute(query, [shop.info.user]).fetchone() == (0,)


def test_an_advisory_lock_held_for_ever_delays_no_enqueue(database: Database, shop: psycopg.Connection[Any]) -> None:
    for lock in ("pg_advisory_lock", "pg_advisory_lock_shared"):
        attacker = database.connect("shop")
        attacker.execute(f"select {lock}(8386110886190083180)")  # type: ignore[arg-type]  # SQL made here
        app = database.connect()
        app.execute("set statement_timeout = '500ms'")
        enqueue(app)
        attacker.close()


def test_no_setting_moves_the_clock(shop: psycopg.Connection[Any]) -> None:
    before = shop.execute("select now()").fetchone()
    assert before is not None
    shop.execute("set taskbell.now = '2090-01-01'")
    task = get(shop, enqueue(shop))
    assert task["created_at"][:4] == str(before[0].year)
