"""GET /api/task-types: what may be enqueued now, not what once could be."""

from collections.abc import Callable

import httpx

from tests.servers import Database

REGISTER = "select taskbell.register(%s, 'w', 1, '0', null, %s)"
OLD, NEW = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"


def test_a_task_that_no_living_worker_knows_is_not_offered(database: Database, run_api: Callable[..., str]) -> None:
    workers = database.connect()
    base = run_api(database)

    def offered() -> list[str]:
        return [kind["name"] for kind in httpx.get(f"{base}/api/task-types").json()["task_types"]]

    workers.execute(REGISTER, [OLD, '[{"name": "stays"}, {"name": "was.removed"}]'])
    assert offered() == ["stays", "was.removed"]
    workers.execute("select taskbell.deregister(%s)", [OLD])
    assert offered() == ["stays", "was.removed"], "between two workers, what was there last"
    workers.execute(REGISTER, [NEW, '[{"name": "stays"}]'])
    assert offered() == ["stays"]
