from typing import Any

from worker import task


@task
async def echo(**payload: Any) -> dict[str, Any]:
    """Give the payload back as it is."""
    return payload
