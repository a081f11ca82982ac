"""What a process knows of its database: told to the log in one line when it goes, and in one when it is back.

Several parts of a process (its pool, its listener, its heart) notice the same trouble within seconds of one another.
The first one speaks for all, and the last one to be well again says so. Troubles of different kinds (no answer, a
refusal) hide one another in nothing: each is told, and each end.
"""

import logging
import time
from enum import Enum

from db.refusals import Refusals

log = logging.getLogger(__name__)
AWAY = "the database does not answer, trying again: {}"
ONLY_READS = "the database takes no writes, trying again: {}"
READ_ONLY = "25006"  # its SQLSTATE
REFUSES = "the database refuses statements: {}"
SAME = 30.0  # seconds in which "it accepts no heartbeat" and "it does not answer" are taken for one trouble


class Kind(Enum):
    """What is wrong, as far as a part can tell."""

    GONE = "gone"  # no answer, no connection
    BREAKS = "breaks"  # connections are made, and end soon
    UNSURE = "unsure"  # something is not done: it may be gone, or refuse


class Presence:
    """Shared by the parts of a process."""

    def __init__(self) -> None:
        self._going: dict[Kind | str, _Trouble] = {}  # by kind, refusals by SQLSTATE; a trouble may stand for several
        self._broke: dict[str, str] = {}  # what to say of parts that had to connect anew, once they have
        self._refused: dict[str, Refusals] = {}  # by SQLSTATE
        self._found_at: dict[str, float] = {}

    def away(self, part: str = "") -> bool:
        """Whether anything is wrong as far as this part knows; without a part: as far as any does."""
        return any(not part or part in trouble.parts for trouble in self._going.values())

    def lost(
        self,
        part: str,
        reason: object,
        *,
        sentence: str = AWAY,
        kind: Kind | str = Kind.GONE,
        since: float | None = None,
    ) -> None:
        """Note that the database failed a part; `since`: when what failed began, in monotonic time.

        An attempt that began before another one of the same part succeeded proves nothing.
        """
        if since is not None and since < self._found_at.get(part, float("-inf")):
            return
        self._note(part, kind, sentence.format(" ".join(str(reason).split())))

    def unreached(self, part: str, error: Exception, since: float) -> bool:
        """Note that a part could not connect; tell whether that is because the server takes no writes."""
        only_reads = "session is read-only" in str(error)  # libpq's words; it has no code for them
        kind, sentence = (READ_ONLY, ONLY_READS) if only_reads else (Kind.GONE, AWAY)
        self.lost(part, error, sentence=sentence, kind=kind, since=since)
        return only_reads

    def broke(self, part: str, what: str, reason: object) -> None:
        """Note that a part's connection ended; said when the next one serves, if that was all that was wrong.

        Where the kernel gave up a silent peer, the network is away, and that is said at once.
        """
        if "timed out" in str(reason):
            self.lost(part, reason)
            return
        if part in self._broke and not self.away(part):
            self.lost(part, reason, sentence=f"{what} breaks again and again; polls carry on: {{}}", kind=Kind.BREAKS)
        self._broke[part] = f"{what} broke, and is there again: {' '.join(str(reason).split())}"

    def found(self, part: str, sentence: str = "") -> None:
        """Note that the database serves this part (again); `sentence` is said if nothing else was wrong."""
        self._found_at[part] = time.monotonic()
        broke = self._broke.pop(part, "")
        if broke and not any(isinstance(kind, Kind) for kind in self._going):
            log.warning("%s", broke)
        for trouble in set(self._going.values()):
            if part in trouble.parts:
                trouble.parts.discard(part)
                self._end_if_over(trouble, sentence if part == trouble.told else "")

    def refused(self, statement: str, reason: str, code: str) -> None:
        """Note that the database answers, but can't run this: it is read-only, out of room, not migrated."""
        self._refused.setdefault(code, Refusals()).refused(statement)
        self._note(code, code, REFUSES.format(f"{' '.join(reason.split())} ({code})"))

    def served(self, statement: str) -> None:
        """Note that a statement succeeded."""
        for code, refusals in list(self._refused.items()):
            if sentence := refusals.over_with(statement):
                del self._refused[code]
                self.found(code, sentence)

    def _note(self, part: str, kind: Kind | str, line: str) -> None:
        trouble = self._going.get(kind) or self._fitting(kind)
        if trouble is None:
            trouble = _Trouble(part)
            log.error("%s", line)
        self._going[kind] = trouble
        trouble.parts.add(part)

    def _fitting(self, kind: Kind | str) -> "_Trouble | None":
        """Return the trouble of another kind that this most likely is."""
        if kind is Kind.UNSURE:
            return next(iter(self._going.values()), None)
        unsure = self._going.get(Kind.UNSURE)
        alone = unsure is not None and set(self._going) == {Kind.UNSURE} and time.monotonic() - unsure.since < SAME
        return unsure if kind is Kind.GONE and alone else None

    def _end_if_over(self, trouble: "_Trouble", sentence: str) -> None:
        if trouble.parts:
            return
        self._going = {kind: one for kind, one in self._going.items() if one is not trouble}
        said = sentence or ("the database answers again" if self._going else "the database is back")
        log.warning("%s after %.1f s", said, time.monotonic() - trouble.since)


class _Trouble:
    """One that is going on."""

    def __init__(self, told: str) -> None:
        self.told = told  # the part that spoke
        self.since = time.monotonic()
        self.parts: set[str] = set()  # for which it is
