"""With a real worker: its tasks have forms, and what a form enqueues comes back with its result."""

import re
import time

from tests.admin_site.conftest import csrf, make_admin
from tests.servers import Database, Processes


def test_from_the_form_to_the_result(database: Database, processes: Processes) -> None:
    processes.worker(database)
    made = make_admin(database, processes)
    client = made.client("olga")
    for name in ("echo", "sleep", "wordcount", "jsonrpc"):
        assert f"/admin/enqueue/{name}/" in client.get("/admin/enqueue/").text
        assert client.get(f"/admin/enqueue/{name}/").status_code == 200, name
    page = client.get("/admin/enqueue/wordcount/").text
    form = {"csrfmiddlewaretoken": csrf(page), "payload-text": "to be or not to be"}
    answer = client.post("/admin/enqueue/wordcount/", data=form)
    assert answer.status_code == 302, answer.text
    deadline = time.monotonic() + 20
    while "data-finished" not in (page := client.get(answer.headers["location"]).text):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert re.search(r"&quot;words&quot;: 6", page)
    overview = client.get("/admin/").text
    assert "hears NOTIFY" in overview
    assert "No worker beats" not in overview
    assert "lock: postgres" in overview
    made.close()
