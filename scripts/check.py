"""`make check`: every gate that reads the code without running Taskbell; exit 1 if one fails."""

import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from db.settings import ROOT

AT_ONCE = 2
ENV = {
    "ENVIRONMENT": "development",
    "DATABASE_URL": "postgresql://check@127.0.0.1/check",
}  # the types plugin reads Django's
GATES = {  # the long ones first
    "types": ["mypy"],
    "SQL style": ["sqlfluff", "lint", "--disable-progress-bar", "--format", "github-annotation-native", "db"],
    "docs up to date": ["python", "-m", "scripts.docs", "--check"],
    "lint": ["ruff", "check", "--quiet", "."],
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "import rules": ["lint-imports"],
}


def main() -> None:
    """Run every gate, two at once."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = {name: pool.submit(_run, command) for name, command in GATES.items()}
        failed = [name for name, run in runs.items() if not _told(name, run)]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _run(command: list[str]) -> tuple[int, str, float]:
    began = time.monotonic()
    program = os.path.join(os.path.dirname(sys.executable), command[0])  # noqa: PTH118,PTH120 - not the link's target
    done = subprocess.run(
        [program, *command[1:]], check=False, capture_output=True, text=True, cwd=ROOT, env=os.environ | ENV
    )
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def _told(name: str, run: "Future[tuple[int, str, float]]") -> bool:
    code, output, seconds = run.result()
    print(f"{'ok  ' if code == 0 else 'FAIL'}  {name} ({seconds:.1f} s)", flush=True)
    if code:
        print(output, flush=True)
    return code == 0


if __name__ == "__main__":
    main()
