"""What a process knows of its database: told to the log in one line when it goes, and in one when it is back.

Several parts of a process (its pool, its listener, its heart) notice the same trouble within seconds of one another.
The first one speaks for all, and the last one to be well again says so.
"""

import logging
import time

log = logging.getLogger(__name__)
AWAY = "the database does not answer, trying again: {}"
REFUSES = "the database refuses statements: {}"
STATEMENTS = "statements"  # the part that is in trouble while it does
SERVES_FOR = 2.0  # seconds from a refusal of a statement until its success counts: on a full disk, some still fit
FORGET = 60.0  # seconds after which a refused statement that nobody tried again counts no more


class Presence:
    """Shared by the parts of a process."""

    def __init__(self) -> None:
        self._away: set[str] = set()  # the parts for which it is
        self._since = 0.0
        self._told = ""  # who spoke
        self._broke: dict[str, str] = {}  # what to say of parts that had to connect anew, once they have
        self._refused: dict[str, tuple[float, bool]] = {}  # statements: when, and whether they succeeded since
        self._found_at: dict[str, float] = {}

    def away(self, part: str = "") -> bool:
        """Whether the database is away as far as this part knows; without a part: as far as any does."""
        return part in self._away if part else bool(self._away)

    def lost(self, part: str, reason: object, *, sentence: str = AWAY, since: float | None = None) -> None:
        """Note that the database failed a part; `since`: when what failed began, in monotonic time.

        An attempt that began before another one of the same part succeeded proves nothing.
        """
        if since is not None and since < self._found_at.get(part, float("-inf")):
            return
        if not self._away:
            self._since, self._told = time.monotonic(), part
            log.error("%s", sentence.format(" ".join(str(reason).split())))
        self._away.add(part)

    def broke(self, part: str, what: str, reason: object) -> None:
        """Note that a part's connection ended; said when the next one serves, if that was all that was wrong."""
        if part in self._broke and part not in self._away:
            self.lost(part, reason, sentence=f"{what} breaks again and again; polls carry on: {{}}")
        self._broke[part] = f"{what} broke, and is there again: {' '.join(str(reason).split())}"

    def found(self, part: str, sentence: str = "") -> None:
        """Note that the database serves this part (again); `sentence` is said if nothing else was wrong."""
        self._found_at[part] = time.monotonic()
        broke = self._broke.pop(part, "")
        if broke and not self._away:
            log.warning("%s", broke)
        if part not in self._away:
            return
        self._away.discard(part)
        if not self._away:
            said = sentence if sentence and part == self._told else "the database is back"
            log.warning("%s after %.1f s", said, time.monotonic() - self._since)

    def refused(self, statement: str, reason: str) -> None:
        """Note that the database answers, but can't run this: it is read-only, out of room, locked, not migrated."""
        self._refused[statement] = time.monotonic(), False
        self.lost(STATEMENTS, reason, sentence=REFUSES)

    def served(self, statement: str) -> None:
        """Note that a statement succeeded."""
        if not self._refused:
            return
        now = time.monotonic()
        for one, (at, served) in list(self._refused.items()):
            self._refused[one] = at, served or one == statement
            if now - at > (SERVES_FOR if self._refused[one][1] else FORGET):
                del self._refused[one]
        if not self._refused:
            self.found(STATEMENTS, "the database serves all statements again")
