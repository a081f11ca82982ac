"""When a database that refused statements may be said to serve them again.

A success alone proves little: on a full disk small rows fit while large ones don't, a read succeeds where writes are
refused, and of several connections one may be read-only. So it is said `QUIET` after the last refusal, once everything
that was refused has succeeded; or some of it has, and nobody tried the rest for `UNTRIED`. Where nobody tries any of
it again, only after `FORGET`.
"""

import time

QUIET = 30.0  # seconds
UNTRIED = 60.0
FORGET = 600.0
SERVES = "the database serves all statements again"
HAS_WRITTEN = "select pg_current_xact_id_if_assigned() is not null"  # for who has several statements in a transaction


class Refusals:
    """The statements that were refused for one reason."""

    def __init__(self) -> None:
        self._refused: dict[str, bool] = {}  # whether each succeeded since it was refused last
        self._last = 0.0

    def refused(self, statement: str) -> None:
        """Note a refusal."""
        self._refused[statement] = False
        self._last = time.monotonic()

    def over_with(self, statement: str) -> str:
        """Note a success; return what may be said of the end, nothing while it is not to be seen."""
        if statement in self._refused:
            self._refused[statement] = True
        quiet = time.monotonic() - self._last
        succeeded = self._refused.values()
        if quiet > QUIET and (all(succeeded) or (quiet > UNTRIED and any(succeeded))):
            return SERVES
        return f"the database has refused nothing for {FORGET / 60:.0f} min" if quiet > FORGET else ""
