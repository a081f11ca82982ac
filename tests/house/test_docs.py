"""Docs that a reader relies on are held against what runs."""

import re

import psycopg

from db import errors
from db.settings import ROOT
from tests.servers import Database
from worker import testing

ERRORS = (ROOT / "docs/reference/errors.md").read_text()
WRITE_TASKS = (ROOT / "docs/how-to/write-tasks.md").read_text()


def test_every_sqlstate_that_the_functions_raise_is_explained() -> None:
    raised = {code for path in (ROOT / "db").glob("*/*.sql") for code in re.findall(r"TB\d\d\d", path.read_text())}
    explained = set(re.findall(r"^\| `(TB\d\d\d)`", ERRORS, re.MULTILINE))
    assert explained == raised == set(errors.DOMAIN)


def test_the_exceptions_named_exist() -> None:
    for name in re.findall(r"\| `([A-Z]\w+)` \|$", ERRORS, re.MULTILINE):
        assert issubclass(getattr(errors, name), errors.DatabaseError)


def test_every_error_of_our_own_is_explained() -> None:
    places = [*(ROOT / "worker").glob("*.py"), *(ROOT / "db/functions").glob("*.sql")]
    text = "\n".join(path.read_text() for path in places)
    explained = set(re.findall(r"^\| `([A-Z]\w+)` \| .* \| (?:yes|no) \|$", ERRORS, re.MULTILINE))
    assert explained == {
        "Fail",
        "Retry",
        "BadPayload",
        "BadResult",
        "Timeout",
        "WorkerLost",
        "Cancelled",
        "UnknownTask",
    }
    for name in explained - {"Fail", "Retry"}:
        assert re.search(rf"""["']{name}["']|class {name}\b""", text), name


def test_the_examples_for_tasks_run() -> None:
    module, test = re.findall(r"```python\n(.*?)```", WRITE_TASKS, re.DOTALL)
    space: dict[str, object] = {"__name__": "examples"}
    exec(compile(module, "write-tasks.md", "exec"), space)
    space["context"] = testing.context
    exec(compile(re.sub(r"^from .*$", "", test, flags=re.MULTILINE), "write-tasks.md", "exec"), space)
    space["test_it_tells_how_far_it_is"]()  # type: ignore[operator]  # made by exec


def test_the_examples_for_queues_run(database: Database) -> None:
    [queries] = re.findall(r"```sql\n(.*?)```", WRITE_TASKS, re.DOTALL)
    connection: psycopg.Connection = database.connect()
    connection.execute(queries)
    row = connection.execute("select exclusive, concurrency from taskbell.queues where name = 'images'").fetchone()
    assert row == (False, 4)
