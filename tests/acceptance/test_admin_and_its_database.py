"""The admin's database goes silent, crashes and comes back: its pages say so, its log in a line each time."""

import time
from collections.abc import Callable

from tests.acceptance.own_servers import OwnPostgres
from tests.acceptance.trouble import complaints
from tests.admin_site.conftest import Admin, make_admin
from tests.freeze_proxy import FreezeProxy
from tests.servers import Processes

NOTICED = 4.0  # seconds


def says_that_it_is_gone(admin: Admin, slack: Callable[[], float]) -> None:
    for _ in range(2):
        asked = time.monotonic()
        gone = admin.client("olga").get("/admin/")
        assert (gone.status_code, "Retry-After" in gone.headers) == (503, True), gone.text
        assert time.monotonic() - asked < NOTICED + slack()


def test_the_admin_says_in_a_line_that_its_database_is_gone_and_comes_back(
    own_postgres: OwnPostgres, processes: Processes, slack: Callable[[], float]
) -> None:
    database = own_postgres.database
    with FreezeProxy(own_postgres.port) as proxy:
        through = database.url.replace(f":{own_postgres.port}/", f":{proxy.port}/")
        admin = make_admin(database, processes, DATABASE_URL=through)
        process = processes.started[-1]
        olga = admin.client("olga")
        assert olga.get("/admin/").status_code == 200
        proxy.freeze()
        says_that_it_is_gone(admin, slack)
        proxy.thaw()
        assert olga.get("/admin/").status_code == 200
        assert len(complaints(process)) == 2, "one that it is gone, one that it is back"
        own_postgres.crash()
        says_that_it_is_gone(admin, slack)
        own_postgres.start()
        assert olga.get("/admin/").status_code == 200
        assert len(complaints(process)) == 4, process.log()
        assert process.popen.poll() is None
        admin.close()
