import asyncio
from typing import Annotated

from pydantic import Field

from worker import task
from worker.context import Context

STEPS = 20  # progress reports over the whole time, at most ten a second


@task
async def sleep(ctx: Context, seconds: Annotated[float, Field(ge=0, le=604800)] = 1.0) -> dict[str, float]:
    """Sleep for so many seconds, telling how far it is."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    step = max(seconds / STEPS, 0.1)
    while (left := begun + seconds - loop.time()) > 0:
        ctx.progress(1 - left / seconds, f"{left:.1f} s to go")
        await asyncio.sleep(min(step, left))
    ctx.progress(1.0, "awake")
    return {"slept": seconds}
