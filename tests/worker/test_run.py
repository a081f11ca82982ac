"""One run: outcomes, results, retries, progress, logs, as a client sees them."""

from typing import Any

import pytest

from tests.servers import Process


def test_echo_gives_the_payload_back_as_it_is(served: Any) -> None:
    payload = {"a": [1, None, {"b": "ü🔔"}], "ctx": 1, "self": 2, "payload": {}, "": 0}
    done = served.wait(served.enqueue("echo", payload))
    assert (done["status"], done["result"], done["attempt"]) == ("succeeded", payload, 1)


def test_built_in_tasks(served: Any) -> None:
    slept = served.wait(served.enqueue("sleep", {"seconds": 0.3}))
    assert slept["result"] == {"slept": 0.3}
    assert slept["progress"] == {"fraction": 1.0, "note": "awake"}
    counted = served.wait(served.enqueue("wordcount", {"text": "To be, or not to be: don't"}))
    assert counted["result"] == {"words": 7, "counts": {"to": 2, "be": 2, "or": 1, "not": 1, "don't": 1}}


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({}, "text: Field required"),
        ({"text": 1}, "text: Input should be a valid string"),
        ({"text": "", "x": 1}, "x: Extra"),
    ],
)
def test_a_payload_that_does_not_fit_fails_for_good(served: Any, payload: dict[str, Any], words: str) -> None:
    done = served.wait(served.enqueue("wordcount", payload))
    assert (done["status"], done["attempt"], done["error"]["type"]) == ("failed", 1, "BadPayload")
    assert words in done["error"]["message"]


def test_outcomes(served: Any) -> None:
    flaky = served.enqueue("flaky", {"good_at": 3})
    final = served.enqueue("broken", {"message": "no such customer", "final": True})
    broken = served.enqueue("broken", {"message": "it\0broke \ud800".replace("\0", "")[:8]}, max_attempts=1)
    left = served.enqueue("leave", max_attempts=1)
    assert served.wait(flaky)["result"] == 3
    runs = served.sql.execute(
        "select run, status, error from taskbell.attempts where task_id = %s order by run", [flaky]
    )
    assert [(run, status, error and error["message"]) for run, status, error in runs][:2] == [
        (1, "failed", "not yet"),
        (2, "failed", "not yet"),
    ]
    done = served.wait(final)
    assert (done["status"], done["attempt"], done["error"]) == (
        "failed",
        1,
        {"type": "Fail", "message": "no such customer"},
    )
    assert served.wait(broken)["error"]["type"] == "ValueError"
    row = served.sql.execute("select traceback from taskbell.attempts where task_id = %s", [broken]).fetchone()
    assert "sample_tasks.py" in row[0]
    assert served.wait(left)["error"] == {"type": "SystemExit", "message": "3"}
    assert served.wait(served.enqueue("echo"))["status"] == "succeeded"


def test_a_result_that_cannot_be_stored_fails_its_own_task_only(served: Any) -> None:
    kinds = ["nan", "nul", "surrogate", "big", "object", "backslash", "emoji", "wide"]
    ids = served.many([{"task": "odd_result", "payload": {"kind": kind}} for kind in kinds])
    done = {kind: served.wait(task) for kind, task in zip(kinds, ids, strict=True)}
    for kind in kinds[:5]:
        assert (done[kind]["status"], done[kind]["error"]["type"]) == ("failed", "BadResult"), kind
    assert "1,048,578 bytes" in done["big"]["error"]["message"]
    assert done["backslash"]["result"] == "a\\u0000b"
    assert done["emoji"]["result"] == "🔔"
    assert len(done["wide"]["result"]) == 400_000


def test_progress_is_coalesced_and_its_last_word_is_never_lost(served: Any) -> None:
    done = served.wait(served.enqueue("steps", {"n": 100}))
    assert done["progress"] == {"fraction": 1.0, "note": "step 100"}
    assert done["seq"] <= 3 + 6  # 0.2 to 0.3 s of steps: a few rings, not a hundred


def test_tasks_enqueue_tasks(served: Any) -> None:
    spawned = served.wait(served.enqueue("spawn", {"n": 3}))["result"]
    assert [served.wait(task)["result"] for task in spawned] == [{"i": 0}, {"i": 1}, {"i": 2}]
    assert served.get(spawned[0])["priority"] == 5
    from_thread = served.wait(served.enqueue("spawn_from_thread"))["result"]
    assert served.wait(from_thread)["result"] == {"from": "thread"}


def test_what_a_task_logs_carries_the_task(served: Any, module_worker: Process) -> None:
    task = served.enqueue("speak")
    served.wait(task)
    line = next(line for line in module_worker.log().splitlines() if "hello from inside" in line)
    assert f'"task_id": "{task}"' in line
    assert '"task": "speak"' in line


def test_registered_defaults_hold_for_sql(served: Any) -> None:
    task = served.enqueue("named.task", {"text": "abc"})
    assert served.wait(task)["result"] == "abc"
    row = served.sql.execute(
        "select queue, max_attempts, extract(epoch from timeout) from taskbell.tasks where id = %s", [task]
    ).fetchone()
    assert row == ("special", 7, 90)


def test_a_task_that_lasts_is_announced(served: Any) -> None:
    task = served.enqueue("deaf", {"seconds": 0.5})
    served.until_running(task)
    assert served.get(task)["status"] == "running"
    assert served.wait(task)["result"] == "done"
