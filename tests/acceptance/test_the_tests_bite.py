"""Each safeguard can be taken out (`make check-mutants`), and the page shows that its tests then failed."""

import ast
from pathlib import Path

import pytest

from db.settings import ROOT
from scripts.mutants import MARKS, MUTANTS, PAGE, Mutant

NAMED = ("fence", "look once more before sleep", "LISTEN first", "Redis lock", "holder row", "poll")


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_a_mutant_changes_what_is_there_and_names_a_test_that_is_there(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.new != mutant.old
    file, _, test = mutant.tests.partition("::")
    assert not test or test in functions(ROOT / file)


def test_the_page_holds_the_last_outcome_and_every_mutant_was_caught() -> None:
    table = PAGE.read_text().split(MARKS[0])[1].split(MARKS[1])[0]
    for mutant in MUTANTS:
        (row,) = [line for line in table.splitlines() if line.startswith(f"| {mutant.name} |")]
        assert " failed, first `test_" in row, row
        assert "none failed" not in row
    for safeguard in NAMED:
        assert any(safeguard in mutant.name for mutant in MUTANTS), safeguard
