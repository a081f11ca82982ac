"""Tasks of the benchmarks, loaded by their workers through TASK_MODULES."""

import time
from typing import Any

from worker import task


@task
def plain_echo(**payload: Any) -> dict[str, Any]:
    """Give the payload back, from a thread."""
    return payload


@task
async def stamp() -> float:
    """Return when it ran, by the machine's monotonic clock."""
    return time.monotonic()
