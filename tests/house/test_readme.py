"""The README: short, complete, and its commands exist. `tests/scripts/test_readme.py` runs them."""

import re
import subprocess

from db.settings import ROOT

README = (ROOT / "README.md").read_text()
VERBS = re.findall(r"\w+", "run test check fmt bench psql migrate superuser key up down logs docs clean")


def test_it_is_under_a_hundred_lines() -> None:
    assert len(README.splitlines()) < 100


def test_every_folder_at_the_top_is_described() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    folders = {name.split("/")[0] for name in tracked.splitlines() if "/" in name}
    assert not [folder for folder in folders if not folder.startswith(".") and f"`{folder}/`" not in README]


def test_its_paths_exist() -> None:
    named = set(re.findall(r"`((?:docs|tests|worker|frontend|api|db|scripts)/[\w./-]*)`", README))
    assert not [name for name in named if not (ROOT / name).exists() and name != "worker/tasks/greet.py"]


def test_make_alone_lists_every_verb() -> None:
    help_text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^  make (\S+)", help_text, re.MULTILINE)
    assert not [verb for verb in VERBS if verb not in listed]
    assert not [verb for verb in re.findall(r"`make ([a-z]+)", README) if verb not in listed]
