"""`make check-mutants`: takes one safeguard out at a time, on a copy of the tree, and sees whether tests notice.

A test that passes without the thing it is there for proves nothing. Each mutant is a few words of code changed, and the
tests of which at least one must then fail. Exit 1 when a mutant lives, or no longer applies. About five minutes.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from db.settings import ROOT

LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".data", "__pycache__", ".*_cache", "images", "node_modules")
FAILED = 1  # pytest's exit code where tests ran and some failed
PAGE = ROOT / "docs" / "explanation" / "delivery-guarantees.md"
MARKS = ("<!-- mutants: written by make check-mutants -->", "<!-- end of mutants -->")


class Mutant(NamedTuple):
    """A safeguard taken out: in `file`, `old` becomes `new`; some of `tests` (a file, or one in it) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str


BEGIN = """    async def _begin(self, watched: Watched) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_DEADLINE):
                await self._listener.listen(watched.channel)
        watched.beginning = None
        self._reread.soon(watched)
"""
READ_FIRST = """    async def _begin(self, watched: Watched) -> None:
        watched.beginning = None
        self._reread.soon(watched)
        with suppress(TimeoutError):
            async with asyncio.timeout(LISTEN_DEADLINE):
                await self._listener.listen(watched.channel)
"""
MUTANTS = (
    Mutant(
        "the fence of `complete()`: by id alone",
        "db/functions/complete.sql",
        "where l.id = o.id and l.token = o.token",
        "where l.id = o.id",
        "tests/db/test_fence.py",
    ),
    Mutant(
        "the fence of `fail()`, `release()`, `progress()`: by id alone",
        "db/functions/fail.sql",
        "where l.id = fenced.id and l.token = fenced.token",
        "where l.id = fenced.id",
        "tests/db/test_fence.py",
    ),
    Mutant(
        "the look once more before sleep",
        "worker/bell.py",
        "                    self._look()\n",
        "",
        "tests/acceptance/test_main_way.py::test_a_task_enqueued_while_the_worker_falls_asleep_starts_at_its_commit",
    ),
    Mutant(
        "the order of a watch: LISTEN first, then read",
        "api/watch.py",
        BEGIN,
        READ_FIRST,
        "tests/acceptance/test_last_mile.py::test_what_ends_right_before_listen_is_seen_since_the_read_comes_after",
    ),
    Mutant(
        "the compare of the Redis lock: extended whoever holds it",
        "worker/lock.py",
        "local mine = redis.call('get', key) == ARGV[2 * i - 1]",
        "local mine = true",
        "tests/acceptance/test_redis_dies.py::test_a_lock_that_became_anothers_is_neither_extended_nor_deleted",
    ),
    Mutant(
        "the compare of the holder row: `claim()` for whoever asks",
        "db/functions/claim.sql",
        "where h.queue = may_claim.queue and h.worker = may_claim.worker and not h.released",
        "where h.queue = may_claim.queue and not h.released",
        "tests/db/test_claim.py",
    ),
    Mutant(
        "the poll: a worker waits for rings alone",
        "worker/polls.py",
        "POLL = 1.0 ",
        "POLL = 3600.0 ",
        "tests/acceptance/test_main_way.py::test_without_listen_a_task_starts_within_1100_ms",
    ),
)


def main() -> None:
    """Try the tests on the tree as it is, then on each mutant; write the outcome into the docs."""
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        tests = sorted({mutant.tests for mutant in MUTANTS})
        code, failures, _ = _run(copy, tests)
        if code:
            raise SystemExit(f"these tests must pass before mutants can be tried: {', '.join(failures)}")
        rows = [_try(copy, mutant) for mutant in MUTANTS]
    _write(rows)
    if not all(caught for _, caught in rows):
        raise SystemExit("a safeguard can be taken out and no test notices")


def _try(copy: Path, mutant: Mutant) -> tuple[str, bool]:
    """Return the table's row of a mutant, and whether some test failed."""
    file = copy / mutant.file
    sound = file.read_text()
    if sound.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.file} no longer has what this mutant changes: {mutant.name}")
    file.write_text(sound.replace(mutant.old, mutant.new))
    try:
        code, failures, seconds = _run(copy, [mutant.tests])
    finally:
        file.write_text(sound)
    caught = code == FAILED
    outcome = f"{len(failures)} failed, first `{failures[0]}`" if caught else f"**none failed** (exit {code})"
    print(f"{'ok  ' if caught else 'FAIL'}  {mutant.name}: {outcome} ({seconds:.0f} s)", flush=True)
    return f"| {mutant.name} | `{mutant.file}` | {outcome} |", caught


def _run(copy: Path, tests: list[str]) -> tuple[int, list[str], float]:
    """Run tests on the copy; return pytest's exit code, the names of those that failed, and the seconds it took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", *tests, "-q", "-p", "no:cacheprovider", "--no-header", "--tb=no"]
    done = subprocess.run(command, check=False, cwd=copy, env=os.environ, capture_output=True, text=True)
    lines = [line.removeprefix("FAILED ") for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode, [line.split(" - ")[0].split("::")[-1] for line in lines], time.monotonic() - began


def _write(rows: list[tuple[str, bool]]) -> None:
    """Put the outcome between the marks of the page."""
    page = PAGE.read_text()
    head, rest = page.split(MARKS[0])
    tail = rest.split(MARKS[1])[1]
    table = ["| taken out | in | tests |", "| --- | --- | --- |", *(row for row, _ in rows)]
    PAGE.write_text("\n".join([head + MARKS[0], "", *table, "", MARKS[1] + tail]))


if __name__ == "__main__":
    main()
