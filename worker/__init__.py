"""Taskbell's worker, and what people's tasks import: `task`, `Fail`, `Retry`."""

from worker.outcome import Fail, Retry
from worker.registry import task

__all__ = ["Fail", "Retry", "task"]
