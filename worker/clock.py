"""The database's time as this worker reckons it: its own monotonic clock, and how far that is from the database's.

All times of a worker's runs are reckoned by the one distance, so of two runs in a row the first ends before the second
begins, however long their reports take to arrive.
"""

from time import monotonic


class Clock:
    """Knows the distance from what each poll tells; until the first one, nothing."""

    def __init__(self) -> None:
        self._distance: float | None = None

    def hear(self, told: float, asked_at: float) -> None:
        """Take the database's time (seconds since 1970), asked for at `asked_at` (monotonic) and heard just now."""
        least, most = told - monotonic(), told - asked_at  # the true distance lies between
        if self._distance is None or not least <= self._distance <= most:
            # Moved no further than must be, and back only when the database's clock was set back.
            self._distance = least

    def sent_at(self, now: float) -> float | None:
        """Return the database's time at `now` (monotonic); None while nothing is known."""
        return None if self._distance is None else now + self._distance
