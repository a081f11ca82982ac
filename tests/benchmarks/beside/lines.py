"""What the harness printed in several repetitions, to be asked for."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

from tests.benchmarks.beside.rivals import RIVALS

Row = dict[str, Any]


class Lines:
    """The lines of a run."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)
        self.info = {row["peer"]: row for row in self._rows if row["measure"] == "info"}
        self.failed = [row for row in self._rows if row["measure"] == "failed"]
        facts = [row for row in self._rows if row["measure"] == "facts"]
        self.facts: Row = facts[-1] if facts else {"told": "The run did not end.", "repeats": 1, "size": "full"}
        self.peers = [rival.name for rival in RIVALS if rival.name in {row.get("peer") for row in self._rows}]

    def group(self, peer: str) -> tuple[str, str]:
        """Return a peer's language and store."""
        language = next(rival.language for rival in RIVALS if rival.name == peer)
        return language, self.info.get(peer, {}).get("store", "")

    def find(self, peer: str, measure: str, **also: Any) -> list[Row]:
        """Return the lines of a measure, one a repetition."""
        wanted = {"peer": peer, "measure": measure} | also
        return [row for row in self._rows if wanted.items() <= row.items()]

    def modes(self, peer: str, workers: int) -> dict[str, list[Row]]:
        """Return the drains by mode, the fastest first."""
        rows = self.find(peer, "drain", workers=workers)
        found = {
            mode: [row for row in rows if row["mode"] == mode] for mode in dict.fromkeys(row["mode"] for row in rows)
        }
        return dict(sorted(found.items(), key=lambda item: -median(item[1])))


def median(rows: Sequence[Row], key: str = "") -> float:
    """Return the median over the repetitions of a rate, or of p50 or p99."""
    return statistics.median(values(rows, key))


def values(rows: Sequence[Row], key: str = "") -> list[float]:
    """Return what each repetition gave."""
    return [(row[key] if key else row)["median"] for row in rows]
