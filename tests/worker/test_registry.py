"""Declaring tasks, their payloads, and the context for people's own tests."""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from worker import Fail, Retry, task
from worker.outcome import failure_of, storable
from worker.payload import BadPayload, Payload
from worker.registry import TaskType, known_tasks
from worker.testing import context


class Address(BaseModel):
    city: str


def test_a_declared_function_stays_an_ordinary_one() -> None:
    @task
    def double(n: int) -> int:
        return 2 * n

    @task("other.name", queue="q", max_attempts=5, timeout=10)
    async def other(ctx: Any) -> None: ...

    assert double(4) == 8
    known = known_tasks()
    assert known["double"].function is double
    assert (known["other.name"].queue, known["other.name"].max_attempts, known["other.name"].timeout) == ("q", 5, 10)
    assert known["other.name"].payload.schema()["properties"] == {}


def test_payloads_are_checked_and_described() -> None:
    def ship(ctx: Any, to: Address, when: date, weight: Annotated[float, Field(gt=0)] = 1.5, **notes: int) -> None: ...

    payload = Payload(ship)
    assert payload.wants_context
    arguments = payload.arguments('{"to": {"city": "Bern"}, "when": "2026-11-23", "floor": "3"}')
    assert arguments == {"to": Address(city="Bern"), "when": date(2026, 11, 23), "floor": 3}
    schema = payload.schema()
    assert schema["required"] == ["to", "when"]
    assert schema["properties"]["weight"]["default"] == 1.5
    assert schema["additionalProperties"] == {"type": "integer"}
    with pytest.raises(BadPayload, match=r"when: Input should be .*; weight: Input should be greater than 0"):
        payload.arguments('{"to": {"city": ""}, "weight": 0, "when": "soon"}')
    with pytest.raises(BadPayload, match="floor"):
        payload.arguments('{"to": {"city": ""}, "when": "2026-11-23", "floor": "x"}')


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "no spaces"}, "a task's name has"),
        ({"queue": "a/b"}, "queue is 'a/b'"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"timeout": 0.5}, "timeout is 0.5 s"),
    ],
)
def test_wrong_declarations_are_refused(options: dict[str, Any], words: str) -> None:
    name = options.pop("name", "fine")
    with pytest.raises(ValueError, match=words):
        task(name, **options)(lambda: None)


def test_what_cannot_be_a_payload_is_refused() -> None:
    with pytest.raises(TypeError, match="'rest' can't be a payload key"):

        @task
        def variadic(*rest: int) -> None: ...

    with pytest.raises(TypeError, match="pydantic"):

        @task
        def odd(thing: subprocess.Popen) -> None: ...  # type: ignore[type-arg]  # that is the point


def test_a_name_taken_twice_stops_the_start() -> None:
    def one() -> None: ...
    def two() -> None: ...

    with pytest.raises(SystemExit, match=r"'same' is taken twice, by .*one and by .*two"):
        known_tasks([TaskType("same", one), TaskType("same", two)])


def test_a_module_that_cannot_be_imported_stops_a_production_start(tmp_path: Path) -> None:
    (tmp_path / "their_tasks.py").write_text("import nothing_of_this_name\n")
    env = {
        "ENVIRONMENT": "production",
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "DATABASE_URL": "postgresql://somebody@127.0.0.1:1/nowhere",
        "TASK_MODULES": "their_tasks",
        "PYTHONPATH": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "worker"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "their_tasks can't be loaded: ModuleNotFoundError" in done.stderr.splitlines()[-1]


def test_failures_are_storable() -> None:
    def broken() -> None:
        raise ValueError("a\0b\ud800" + "é" * 2000)

    with pytest.raises(ValueError, match="b") as caught:
        broken()
    failure = failure_of(caught.value)
    assert failure.message.startswith("a\ufffdb?é")
    assert len(failure.message.encode()) <= 1024
    assert failure.traceback is not None
    assert "test_registry.py" in failure.traceback
    assert failure_of(Fail("no"))[:3] == ("fail", "Fail", "no")
    assert failure_of(Retry(after=30)).after == 30
    assert storable("é" * 600, 1023) == "é" * 511


async def test_context_for_tests() -> None:
    ctx = context(attempt=2)
    ctx.progress(0.5, "half way")
    task_id = await ctx.enqueue("echo", {"a": 1}, priority=3)
    assert (ctx.attempt, ctx.cancelled, ctx.reports) == (2, False, [(0.5, "half way")])
    assert ctx.enqueued == [("echo", {"a": 1}, {"priority": 3})]
    assert len(task_id) == 36
    ctx.cancel()
    assert ctx.cancelled
    with pytest.raises(ValueError, match="0 to 1"):
        ctx.progress(float("nan"))


def test_context_for_tests_of_plain_functions() -> None:
    ctx = context(cancelled=True)
    assert isinstance(ctx.enqueue("echo"), str)
    assert ctx.enqueued == [("echo", {}, {})]
    assert ctx.cancelled
