"""Gives a Python process a wrong clock: with this folder on PYTHONPATH, and TEST_CLOCK saying how wrong.

`{"wall": [86400, -86400], "rate": 0.6, "monotonic": 1e6}`: the wall clock is that many seconds off, by turns where there
are several; all clocks run at `rate`; the monotonic one began `monotonic` seconds earlier. Python runs this file before
anything else, and children inherit it, so nothing of the process ever sees the true ones: every reader of a clock in
the worker is Python and asks `time`. (Linux has time namespaces for monotonic clocks, but none for the wall clock or for a
rate. libfaketime 0.9.10 has both, and stops Python 3.11 in its first timed wait of a thread.)
"""

import json
import os
import selectors
import time

STEP = 0.7  # seconds from one error of the wall clock to the next
true_time, true_monotonic, true_sleep = time.time, time.monotonic, time.sleep


def go_wrong(wall: list[float], rate: float = 1.0, monotonic: float = 0.0) -> None:
    """Replace what reads a clock, and what waits by one."""
    begun = float(os.environ.setdefault("TEST_CLOCK_BEGUN", str(true_monotonic())))  # the same in children

    def wrong_monotonic() -> float:
        now = true_monotonic()
        return monotonic + begun + (now - begun) * rate

    def wrong_time() -> float:
        now = true_monotonic()
        off = wall[int(now / STEP) % len(wall)]
        return true_time() - (now - begun) * (1 - rate) + off

    time.monotonic = time.perf_counter = wrong_monotonic
    time.time = wrong_time
    time.monotonic_ns = time.perf_counter_ns = lambda: int(wrong_monotonic() * 1e9)
    time.time_ns = lambda: int(wrong_time() * 1e9)
    time.sleep = lambda seconds: true_sleep(seconds / rate)
    for name in ("localtime", "gmtime", "ctime"):
        read = getattr(time, name)
        setattr(time, name, lambda seconds=None, read=read: read(wrong_time() if seconds is None else seconds))
    wait = selectors.DefaultSelector.select
    selectors.DefaultSelector.select = lambda self, timeout=None: wait(
        self, timeout / rate if timeout and timeout > 0 else timeout
    )


if "TEST_CLOCK" in os.environ:
    go_wrong(**json.loads(os.environ["TEST_CLOCK"]))
