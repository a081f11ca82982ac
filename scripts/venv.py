"""Makes `.venv` and installs pinned requirements into it.

Standard library only, and nothing that an old Python can't read, since this is what tells people that theirs is.
"""

import os
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"


def main(requirements: "list[str]") -> None:
    """Make `.venv` if need be, then install these files; exit 1 with one sentence when it can't."""
    if sys.version_info < OLDEST:
        found = ".".join(str(number) for number in sys.version_info[:2])
        raise SystemExit(f"Python {found} is too old, Taskbell needs 3.11 or newer: make run PYTHON=python3.12")
    python = VENV / "bin" / "python"
    if VENV.exists() and not os.access(str(VENV), os.W_OK):  # first: its Python may be out of our sight
        raise SystemExit(f"{VENV} belongs to another account: remove it, or run this as that one")
    if not python.exists():
        _make()
    for name in requirements:
        print(f"installing {name} …", flush=True)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
        if "--hash=" in (ROOT / name).read_text(encoding="utf-8"):
            command.append("--require-hashes")
        if subprocess.call([*command, "-r", name], cwd=str(ROOT)):
            raise SystemExit(f"{name} could not be installed: pip says why, above")


def _make() -> None:
    try:
        import ensurepip  # noqa: F401,PLC0415 - Debian has a Python without it
        import venv  # noqa: PLC0415 - Debian may lack it, which is said in a sentence
    except ImportError:
        raise SystemExit("this Python can't make virtual environments: apt-get install python3-venv") from None
    print("making .venv …", flush=True)
    try:
        venv.create(str(VENV), with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"{VENV} could not be made: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
