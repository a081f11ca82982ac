import re
from collections import Counter
from typing import Any

from worker import task

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")  # noqa: RUF001 - the apostrophe that typography uses


@task
async def wordcount(text: str) -> dict[str, Any]:
    """Count the words of a text, upper and lower case alike."""
    counts = Counter(word.lower() for word in WORD.findall(text))
    return {"words": counts.total(), "counts": dict(counts.most_common())}
