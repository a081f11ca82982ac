"""Tasks that the page's tests send: a form with everything in it, a failure, a result too big for one message."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from worker import Fail, task
from worker.context import Context


class Fit(StrEnum):
    COVER = "cover"
    CONTAIN = "contain"


@task
async def resize(
    url: Annotated[str, Field(description="Where the picture is.", max_length=100)],
    width: Annotated[int, Field(ge=1, le=4000)] = 800,
    quality: Annotated[float | None, Field(gt=0, le=1)] = None,
    fit: Fit = Fit.COVER,
    upscale: bool = False,
    tags: list[str] | None = None,
) -> dict[str, Any]:
    """Give back what the form made of its entries."""
    return {"url": url, "width": width, "quality": quality, "fit": fit, "upscale": upscale, "tags": tags}


@task
async def refuse(reason: str) -> None:
    """Fail for good, with this reason."""
    raise Fail(reason)


@task
async def big(letters: Annotated[int, Field(ge=1)]) -> dict[str, Any]:
    """Give back a text of so many letters."""
    return {"text": "x" * letters, "end": "the end"}


@task
async def steps(ctx: Context) -> str:
    """Report half and stay there until cancelled."""
    ctx.progress(0.5, "half way")
    await asyncio.sleep(3600)
    return "never"
