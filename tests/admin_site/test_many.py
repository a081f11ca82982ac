"""Two million finished tasks: list, search, filters and front page stay under half a second of server time."""

import time
from collections.abc import Iterator

import psycopg
import pytest

from scripts.guard import Guard
from tests.admin_site.conftest import Admin, make_admin, python
from tests.servers import PostgresServer, Processes

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MANY = 2_000_000
LIMIT = 0.5  # seconds
# Ids like the server's: 48 bits of milliseconds, version, then what keeps them apart.
FILL = """
insert into taskbell.finished (
  id, status, queue, task, priority, run_at, attempt, max_attempts, timeout, payload, seq, runs, created_at,
  enqueued_by, idempotency_key, started_at, finished_at, expires_at, result
)
select
  (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n %% 4096), 3, '0') || '8'
    || lpad(to_hex(n), 15, '0'))::uuid,
  case when n %% 1000 = 0 then 'failed' when n %% 3000 = 1 then 'cancelled' else 'succeeded' end::taskbell.status,
  case when n = 1999999 then 'lonely' else 'q' || n %% 20 end, case when n = 88888 then 'rare' else 'mail' end,
  0, t, 1, 3, '1 hour', '{"to": "ada@example.com"}', 2, 0, t, 'shop', null, t, t + interval '20 ms',
  t + interval '7 days', '{}'
from (select n, now() - n * interval '0.3 s' as t from generate_series(%s, 1, -1) as n) as made
"""
EXPLAIN = """
import sys
from admin_site.queue_admin import paging
from admin_site.queue_admin.paging import Wish
print(paging._between(Wish(), paging.MOST_UUID, paging.LEAST_UUID)[:51].explain())
print(paging._between(Wish(status="failed"), paging.MOST_UUID, paging.LEAST_UUID)[:51].explain())
"""


@pytest.fixture(scope="module")
def crowded(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory, guard: Guard) -> Iterator[Admin]:
    database = postgres_server.clone()
    processes = Processes(tmp_path_factory.mktemp("crowded"), guard)
    try:
        with psycopg.connect(database.superuser_url, autocommit=True) as superuser:
            superuser.execute(FILL, [MANY])
            superuser.execute("vacuum analyze taskbell.finished")
        made = make_admin(database, processes)
        made.register()
        yield made
        made.close()
    finally:
        processes.end()
        database.terminate()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "live/",
        "tasks/",
        "tasks/?status=failed",
        "tasks/?status=queued",
        "tasks/?status=succeeded",
        "tasks/?queue=q7",
        "tasks/?queue=lonely",
        "tasks/?q=rare",
        "tasks/?q=no-such-key",
        "tasks/?since=7d&queue=q3&status=cancelled",
        "queues/",
    ],
)
def test_server_time(crowded: Admin, path: str) -> None:
    client = crowded.client("rita")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        assert client.get(f"/admin/{path}").status_code == 200
        times.append(time.perf_counter() - began)
    assert sorted(times)[2] < LIMIT, times  # the median: others use this machine too


def test_what_is_far_back_is_found_by_looking_further(crowded: Admin) -> None:
    client = crowded.client("rita")
    page = client.get("/admin/tasks/?queue=lonely").text
    looks = 1
    while 'class="tb-id"' not in page:
        assert "Look further back" in page
        address = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
        page = client.get(f"/admin/tasks/{address}").text
        looks += 1
    assert page.count('class="tb-id"') == 1
    assert 1 < looks < 200


def test_the_list_counts_by_estimate(crowded: Admin) -> None:
    assert "2M finished" in crowded.client("rita").get("/admin/tasks/").text


def test_plans_walk_the_primary_key_backwards(crowded: Admin) -> None:
    done = python(crowded.database, "-m", "admin_site.manage", "shell", "-c", EXPLAIN)
    assert done.returncode == 0, done.stderr
    assert "Seq Scan on finished" not in done.stdout
    assert "finished_pkey" in done.stdout
    assert "finished_badly" in done.stdout
