"""CI is not green with nothing run."""

import os
import subprocess
import sys

import pytest

from db.settings import ROOT


@pytest.mark.parametrize(("must", "code", "outcome"), [("", 0, "skipped"), ("1", 1, "error")])
def test_without_an_engine_compose_tests_are_skipped_or_an_error_where_they_must_run(
    must: str, code: int, outcome: str
) -> None:
    one = "tests/compose/test_walk.py::test_the_page_and_the_documentation_are_there"
    env = os.environ | {"COMPOSE_MUST_RUN": must, "DOCKER_HOST": "unix:///nowhere", "CI": ""}
    command = [sys.executable, "-m", "pytest", "-m", "compose", "-p", "no:cacheprovider", one]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout
    assert f"1 {outcome}" in done.stdout


def test_ci_makes_the_compose_tests_run_where_it_has_an_engine() -> None:
    assert 'COMPOSE_MUST_RUN=1 make test ARGS="-m compose"' in (ROOT / ".ci/run").read_text()
