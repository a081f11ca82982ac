"""The page of the promise: what it promises, the states, what dies and which test shows it, and what is not promised."""

import ast
import re
from pathlib import Path

import pytest

from db.settings import ROOT

HERE = Path(__file__).parent
ABOUT_PAGES = ("test_the_tests_bite.py", Path(__file__).name)  # what a person reads, not what dies
PAGE = (ROOT / "docs" / "explanation" / "delivery-guarantees.md").read_text()
FUNCTION = re.compile(r"test_[a-z0-9_]+(?=\b(?!\.py))")


def declared_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name for name in found if name.startswith("test_")}


@pytest.mark.parametrize(
    "heading",
    [
        "# What Taskbell promises, and what it does not",
        "## States",
        "## What dies, what one sees, how long",
        "## What is not promised",
        "## The tests bite",
    ],
)
def test_the_page_has_its_parts(heading: str) -> None:
    assert heading in PAGE.splitlines()


def test_every_test_that_the_page_names_is_there() -> None:
    there = {name for path in (ROOT / "tests").rglob("test_*.py") for name in declared_in(path)}
    named = set(FUNCTION.findall(PAGE))
    assert named - there == set()
    files = {path.name for path in (ROOT / "tests").rglob("*.py")}
    assert set(re.findall(r"test_[a-z_]+\.py", PAGE)) - files == set()


def test_every_test_is_named_in_its_own_file() -> None:
    file = ""
    for named, test in re.findall(r"`(…|[\w/]+\.py)::(test_\w+)", PAGE):
        file = file if named == "…" else named
        path = HERE / file if (HERE / file).exists() else ROOT / file
        assert test in declared_in(path), f"{file}::{test}"


def test_every_acceptance_test_is_named_on_the_page() -> None:
    for path in sorted(HERE.glob("test_*.py")):
        if path.name in ABOUT_PAGES:
            continue
        assert {name for name in declared_in(path) if name not in PAGE} == set(), path.name


def test_every_line_of_the_promise_names_its_files() -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \| `(test_[a-z_]+\.py)`", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 12))
    assert all((HERE / file).exists() for _, file in rows)
