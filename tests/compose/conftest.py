"""One stack for all tests of this folder."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.compose.stack import Stack

WSIFY_IMAGE = "ghcr.io/alash3al/wsify:v3.0.0"
PGADMIN_IMAGE = "dpage/pgadmin4:9"


def docker(*arguments: str) -> bool:
    return subprocess.run(["docker", *arguments], capture_output=True, check=False).returncode == 0


def need_image(name: str) -> None:
    if not docker("image", "inspect", name) and not docker("pull", "-q", name):
        absent(f"the image {name} is not here, and no registry gives it (docker)")


def absent(why: str) -> NoReturn:
    """Skip with a reason; an error where there must be an engine (.ci/run says so)."""
    if os.environ.get("COMPOSE_MUST_RUN"):
        pytest.fail(f"{why}, and here it must be")
    pytest.skip(why)


@pytest.fixture(scope="session")
def engine() -> None:
    """A container engine that answers, with compose."""
    if not shutil.which("docker") or not docker("info"):
        absent("no Docker engine answers")
    if not docker("compose", "version"):
        absent("this Docker has no compose")


@pytest.fixture(scope="session")
def stack(engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole stack, up and healthy."""
    need_image(WSIFY_IMAGE)
    running = Stack(tmp_path_factory.mktemp("compose"))
    try:
        running.up("--build")
        yield running
    finally:
        running.remove()


@pytest.fixture
def pgadmin(stack: Stack) -> Iterator[Stack]:
    """The stack with pgAdmin on."""
    need_image(PGADMIN_IMAGE)
    stack.compose("--profile", "pgadmin", "up", "-d", "--wait", "pgadmin")
    yield stack
    stack.compose("--profile", "pgadmin", "rm", "--stop", "--force", "pgadmin")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs the engine and time."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.compose)
            item.add_marker(pytest.mark.timeout(600))
