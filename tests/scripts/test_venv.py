"""A `.venv` of another account is said in a sentence."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from db.settings import ROOT

NOBODY = 65534


def test_a_venv_of_another_account_is_said_in_a_sentence() -> None:
    somebody = NOBODY if os.geteuid() == 0 else None  # to whom nothing here belongs
    # Not tmp_path, which only its owner may enter; nor a Python of root's own.
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        tree.chmod(0o755)
        shutil.copytree(ROOT / "scripts", tree / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
        hidden = tree / "hidden"
        (tree / ".venv" / "bin").mkdir(parents=True)
        (tree / ".venv" / "bin" / "python").symlink_to(hidden / "python3")
        hidden.mkdir(0o000)
        (tree / ".venv").chmod(0o555)
        done = subprocess.run(
            [python, "-m", "scripts.venv", "requirements.txt"],
            cwd=tree, user=somebody, capture_output=True, text=True, check=False,
        )  # fmt: skip
        (tree / ".venv").chmod(0o755)
        hidden.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr == f"{tree.resolve() / '.venv'} belongs to another account: remove it, or run this as that one\n"
