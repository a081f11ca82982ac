"""Starts the heart process. By itself, so that a worker has one before it imports the rest: each takes as long."""

import contextlib
import fcntl
import logging
import os
import subprocess
import sys

PIPE_BYTES = 1024 * 1024  # hours of reports for a worker that is busy that long

log = logging.getLogger(__name__)


def spawn_heart() -> subprocess.Popen[bytes] | None:
    """Start a heart, its pipes never blocking. None: not now, which is logged."""
    command = [sys.executable, "-m", "worker.heart"]
    try:
        heart = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    except OSError as error:  # no memory, no process left: then there is one later
        log.error("no heart can be started just now: %s", error)  # noqa: TRY400 - known
        return None
    assert heart.stdin is not None
    assert heart.stdout is not None
    for pipe in (heart.stdin, heart.stdout):
        os.set_blocking(pipe.fileno(), False)
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(heart.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return heart
