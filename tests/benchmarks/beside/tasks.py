"""The no-op that every peer runs, as a task of ours: it calls the harness's probe, which notes when it began."""

import importlib
import os
import sys

from worker import task

sys.path.append(os.environ["PEERS"])
probe = importlib.import_module("bench").probe


@task
async def noop(i: int) -> None:
    probe(i)
