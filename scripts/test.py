"""`make test`: the whole suite on the embedded Postgres 18, then what the server's version can change on 15."""

import os
import subprocess
import sys
from pathlib import Path

from db.settings import ROOT

OLD = 15  # the oldest supported major version
OLD_PLACES = (f"/usr/lib/postgresql/{OLD}/bin", f"/opt/homebrew/opt/postgresql@{OLD}/bin", f"/usr/pgsql-{OLD}/bin")
ON_OLD = ["tests/db", "tests/scripts/test_servers.py", "tests/acceptance/test_main_way.py"]
# Row locks meet alike in every version (a minute of pairs of calls), and our side of a connection does alike with each.
NOT_ON_OLD = ["tests/db/test_interleavings.py", "tests/db/test_pool.py", "tests/db/test_presence.py"]
NO_TESTS = 5  # pytest's exit code


def main() -> None:
    """Run both halves; arguments go to pytest, and then there is only the first half."""
    chosen = sys.argv[1:]
    print("== the whole suite on the embedded Postgres 18", flush=True)
    code = _pytest(chosen, {})
    if not chosen and code == 0:
        code = _on_old()
    raise SystemExit(code)


def _on_old() -> int:
    binaries = next((place for place in OLD_PLACES if (Path(place) / "postgres").exists()), None)
    if binaries is None:
        print(
            f"skipped: the database half on Postgres {OLD}, which is not on this machine (apt-get install postgresql)"
        )
        return 1 if os.environ.get("CI") == "true" else 0
    print(f"== the database half on Postgres {OLD}", flush=True)
    places = [place for place in ON_OLD if (ROOT / place).exists()]
    left_out = [f"--ignore={place}" for place in NOT_ON_OLD]
    return _pytest([*places, *left_out], {"TEST_POSTGRES": binaries})


def _pytest(arguments: list[str], env: dict[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", *arguments]
    code = subprocess.call(command, cwd=ROOT, env=os.environ | env)
    return 1 if code == NO_TESTS else code


if __name__ == "__main__":
    main()
