"""A queue whose tasks are all due much later: nobody has to hold it until then."""

import time
from collections.abc import Callable
from typing import Any

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
