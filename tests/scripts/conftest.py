"""A running Taskbell for the tests that leave it as it is."""

from collections.abc import Iterator

import pytest

from tests.scripts.launcher import RUNNING, Launcher, Tree


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    tree = Tree(tmp_path_factory.mktemp("running"))
    launcher = tree.run()
    try:
        launcher.wait_for(RUNNING)
        yield launcher
    finally:
        launcher.press_ctrl_c()
