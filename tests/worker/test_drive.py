"""A run's coroutine goes on inside its slot's asyncio task, which costs a seventh of a task of its own."""

import asyncio
from contextvars import ContextVar, copy_context

from tests.worker.lanes import claim
from worker.drive import drive, stepping
from worker.pace import Batch
from worker.run import Run

SAID: ContextVar[str] = ContextVar("SAID", default="nothing")


async def test_a_run_takes_no_task_of_its_own_and_keeps_its_variables_to_itself() -> None:
    run = Run(claim(), "default", Batch(1))
    tasks = asyncio.all_tasks()

    async def people() -> asyncio.Task[None] | None:
        SAID.set("something")
        await asyncio.sleep(0)
        assert SAID.get() == "something"
        assert stepping() is run
        assert asyncio.all_tasks() == tasks
        return asyncio.current_task()

    context = copy_context()
    assert await drive(run, context.run(people), context) is asyncio.current_task()
    assert SAID.get() == "nothing"
    assert stepping() is None
