"""Each service dies, or stops moving, under a trickle of tasks: all comes back, and every task keeps its result."""

import time
from contextlib import ExitStack

import pytest

from tests.compose.stack import Stack
from tests.compose.trickle import Trickle

PAUSE = 7.0  # seconds; longer than the life of a lock (5 s), so that another worker may take over meanwhile
SERVICES = ["postgres", "redis", "wsify", "api", "worker", "nginx"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_crash_loses_nothing(stack: Stack, service: str) -> None:
    before = stack.restarts(service)
    with Trickle(stack) as trickle:
        trickle.wait_for(10)
        stack.crash(service)
        wait_for_restart(stack, service, before)
        stack.wait_healthy(service)
        trickle.wait_for(10)
    assert trickle.missing() == {}


@pytest.mark.parametrize("service", SERVICES)
def test_a_standstill_loses_nothing(stack: Stack, service: str) -> None:
    with Trickle(stack) as trickle:
        trickle.wait_for(10)
        stack.compose("pause", service)
        time.sleep(PAUSE)
        stack.compose("unpause", service)
        stack.wait_healthy(service)
        trickle.wait_for(10)
    assert trickle.missing() == {}


@pytest.mark.parametrize("services", [["redis", "wsify", "api", "admin", "worker", "nginx"], ["postgres"]])
def test_health_checks_notice_what_no_longer_moves(stack: Stack, services: list[str]) -> None:
    with ExitStack() as ice:
        for service in services:
            ice.enter_context(stack.frozen(service))
        for service in services:
            stack.wait_healthy(service, "unhealthy")
    for service in SERVICES:
        stack.wait_healthy(service)


def wait_for_restart(stack: Stack, service: str, before: int) -> None:
    deadline = time.monotonic() + 60
    while stack.restarts(service) == before:
        assert time.monotonic() < deadline, f"{service} was not started again"
        time.sleep(0.2)
