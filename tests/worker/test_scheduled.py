"""Tasks that are due later: in an hour, nobody has to hold their queue until then; in half a second, they start then."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.servers import Process


def test_a_queue_is_not_held_for_a_task_that_is_due_much_later(queue: Any, worker: Callable[..., Process]) -> None:
    queue.sql.execute("select taskbell.enqueue('echo', queue => 'later', run_at => now() + interval '1 hour')")
    running = worker()
    running.wait_until(lambda: "won queue default" in running.log())
    time.sleep(2.5)  # two polls
    assert "won queue later" not in running.log()
    soon = queue.sql.execute("select taskbell.enqueue('echo', queue => 'later', run_at => now() + interval '2 s')")
    task = str(soon.fetchone()[0])
    running.wait_until(lambda: "won queue later" in running.log())
    done = queue.wait(task)
    assert done["status"] == "succeeded"
    assert queue.wait(queue.enqueue("echo", queue="later"))["status"] == "succeeded"
    assert running.log().count("won queue later") == 1


LATE = "select extract(epoch from started_at - run_at) from taskbell.tasks where id = %s"


@pytest.mark.parametrize("way", ["retry", "enqueue"])
def test_what_is_due_in_half_a_second_starts_then(queue: Any, worker: Callable[..., Process], way: str) -> None:
    worker()
    queue.wait(queue.enqueue("echo"))
    late = []
    for _ in range(7):
        time.sleep(0.1)  # it sleeps, and polled a while ago
        if way == "retry":
            task = queue.enqueue("again_soon")
        else:
            soon = queue.sql.execute("select taskbell.enqueue('echo', run_at => now() + interval '0.4 s')")
            task = str(soon.fetchone()[0])
        queue.wait(task)
        late.append(float(queue.sql.execute(LATE, [task]).fetchone()[0]))
    assert sorted(late)[3] < 0.1, late  # the median: without a look at once it is half a second
