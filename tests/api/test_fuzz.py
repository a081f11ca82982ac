"""Schemathesis reads our OpenAPI and sends what it likes, with an operator's key and without: never a 500."""

import contextlib
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error

from tests.api.conftest import KEYS, Site

EXAMPLES = 20  # a route, caller and mode: the whole takes about a minute
STREAM = "/api/tasks/{id}/events"  # of a task that exists it would not end
MODES = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]


@pytest.fixture(scope="module")
def schema(site: Site) -> Any:
    """The schema of the running API."""
    document = httpx.get(f"{site.base}/api/openapi.json", trust_env=False).json()
    del document["paths"][STREAM]
    described = schemathesis.openapi.from_dict(document)
    described.config.update(base_url=site.base)
    return described


@pytest.mark.slow
@pytest.mark.parametrize("caller", ["an operator", "nobody"])
def test_no_500(schema: Any, caller: str) -> None:
    headers = {"Authorization": f"Bearer {KEYS['ops'][1]}"} if caller == "an operator" else {}
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        for mode in MODES:
            try_it(operation, mode, headers)
            tried += 1
    assert tried >= 38


def try_it(operation: Any, mode: schemathesis.GenerationMode, headers: dict[str, str]) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: schemathesis.Case) -> None:
        if case.headers:
            case.headers.pop("Prefer", None)  # nobody works here: each would wait its time out
        case.call_and_validate(headers=headers, checks=[not_a_server_error], timeout=20)

    with contextlib.suppress(Unsatisfiable):  # a route that takes nothing can't be asked wrongly
        run()
