"""The shape of the tree: small files, SQL in db alone, imports that keep their direction, pins without addresses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from db.settings import ROOT

PARTS = ("db", "api", "worker", "admin_site", "scripts")
PYTHON_CEILING, SQL_CEILING, JS_CEILING = 200, 200, 200  # lines
GENERATED = "/migrations/0"  # Django writes these
DJANGOS_ONE_HELPER = "admin_site/queue_admin/calls.py"  # calls the functions by name
EXCEPTIONS: dict[str, str] = {}  # path: the reason why it may be longer
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()


def _files(suffix: str, *folders: str) -> list[str]:
    return [name for name in TRACKED if name.endswith(suffix) and name.startswith(folders) and _counts(name)]


def _counts(name: str) -> bool:
    return (ROOT / name).exists() and not (name.endswith(".py") and GENERATED in name)


def _lines(name: str) -> int:
    return len((ROOT / name).read_text(encoding="utf-8").splitlines())


def test_no_module_is_over_its_ceiling() -> None:
    ceilings = [
        *((name, PYTHON_CEILING) for name in _files(".py", *(f"{part}/" for part in PARTS))),
        *((name, SQL_CEILING) for name in _files(".sql", "db/")),
        *((name, JS_CEILING) for name in _files(".js", "frontend/")),
    ]
    assert ceilings
    long = {name: _lines(name) for name, most in ceilings if _lines(name) > most and name not in EXCEPTIONS}
    assert not long


def test_no_exception_is_stale() -> None:
    assert not [name for name in EXCEPTIONS if not (ROOT / name).exists() or _lines(name) <= PYTHON_CEILING]


def test_imports_keep_their_direction() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(program)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_db_imports_nothing_of_ours() -> None:
    pattern = re.compile(r"^\s*(from|import) (api|worker|admin_site|scripts|tests)\b", re.MULTILINE)
    assert not [name for name in _files(".py", "db/") if pattern.search((ROOT / name).read_text())]


def test_sql_text_stands_in_db_alone() -> None:
    pattern = re.compile(
        r"[\"'](?:\s*)(select\s.+\sfrom\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s)", re.IGNORECASE
    )
    names = set(_files(".py", "api/", "worker/", "admin_site/", "scripts/")) - {DJANGOS_ONE_HELPER}
    assert not [name for name in names if pattern.search((ROOT / name).read_text())]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_pins_carry_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert not re.search(r"https?://|^\s*(--index|--extra-index|--find-links|-i |-f )|file:", text, re.MULTILINE)
    blocks = re.findall(r"^([a-z0-9][^\s=<>]*)==\S+.*\\\n((?:\s+--hash=sha256:[0-9a-f]{64}.*\n?)+)", text, re.MULTILINE)
    assert len(blocks) == len(re.findall(r"^[a-z0-9]\S*==", text, re.MULTILINE))


def test_every_wanted_package_is_pinned() -> None:
    for stem in ("requirements", "requirements-dev"):
        wanted = [
            re.split(r"[\[<>=~ ]", line)[0]
            for line in (ROOT / f"{stem}.in").read_text().splitlines()
            if line and line[0].isalpha()
        ]
        pinned = (ROOT / f"{stem}.txt").read_text()
        assert not [name for name in wanted if not re.search(rf"^{name}==", pinned, re.MULTILINE)]


def test_pyproject_is_the_only_configuration_file() -> None:
    strays = {
        "setup.cfg",
        "setup.py",
        "tox.ini",
        "pytest.ini",
        "mypy.ini",
        ".flake8",
        "ruff.toml",
        ".sqlfluff",
        ".importlinter",
    }
    assert not strays & set(TRACKED)
