"""Where a worker's polls look: where it rang, where something is new, and bit by bit everywhere else."""

import re
from collections.abc import Collection, Iterable
from time import monotonic

from db.models import QueueState
from worker.polls import POLL

MOST = 1000  # names a poll is told; of more rings the rest is found as new, or by the walk
OVERLAP = 1.0  # seconds before the last poll from which on tasks are new: a transaction may have been open meanwhile
QUICK = 0.05  # seconds: a poll that sees all names as soon as that does so each time
# A walk over very many names takes a fifth of the time, or more where it would come too seldom:
WALK_SHARE = 4  # it rests for as many times as long as its last part took
GO_ON = 0.2  # … or so many seconds, while names are left
ANEW = 0.8  # … and once it has seen all of them

NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)  # of a queue; anybody can ring with anything


class Lookout:
    """Keeps for one worker where to look next. A walk sees every queue once, in as many polls as it needs."""

    def __init__(self) -> None:
        self.go_on_at: float | None = None  # when to poll for the rest of a walk
        self._rang: dict[str, None] = {}  # since the last poll began, in that order
        self._asked: dict[str, None] = {}  # what rang before, until that poll is answered
        self._since: float | None = None  # of the database's clock
        self._position = ""
        self._walk_at = float("-inf")
        self._told: set[str] = set()  # since the walk began
        self._began = 0.0

    def ring(self, name: str) -> None:
        """Hear that something came into a queue."""
        if len(self._rang) < MOST and NAME.fullmatch(name):
            self._rang[name] = None

    def look(self, lanes: Iterable[str]) -> tuple[list[str], float | None, str | None]:
        """Return what to ask the next poll for: names, since when tasks are new, and where to walk on (None: don't)."""
        self._began = monotonic()
        for name in self._rang:  # what is asked for again and again, while polls fail, grows no further
            if len(self._asked) < MOST:
                self._asked[name] = None
        self._rang = {}
        # A queue that is known here but another worker's must not wait for the walk, either, when that one dies.
        named = list(dict.fromkeys([*self._asked, *lanes]))[:MOST]
        return named, self._since, self._position if self._began >= self._walk_at else None

    def see(self, states: Collection[QueueState]) -> set[str] | None:
        """Take the answer. Returns the queues told since the walk began, if it has come to its end."""
        now = monotonic()
        took = now - self._began
        self._asked = {}
        walked = self._began >= self._walk_at
        self._told.update(state.queue for state in states)
        first = next(iter(states), None)
        self._since = first.clock - took - OVERLAP if first else None
        if not walked:
            return None
        position = first.walked_to if first else None
        quick = took < QUICK and position is None and not self._position
        self._walk_at = now if quick else now + min(WALK_SHARE * took, ANEW if position is None else GO_ON)
        if quick:
            self.go_on_at = None
        else:
            self.go_on_at = self._walk_at if position is not None else max(self._walk_at, self._began + POLL)
        self._position = position or ""
        if position is not None:
            return None
        told, self._told = self._told, set()
        return told
