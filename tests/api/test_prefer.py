"""The Prefer header as RFC 7240 writes it."""

import pytest
from starlette.requests import Request

from api.prefer import wanted_wait


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], None),
        (["wait=5"], 5),
        (["WAIT = 5"], 5),
        (['wait="5"'], 5),
        (["wait=5; x=y"], 5),
        (["respond-async, wait=5"], 5),
        (["respond-async", "wait=5"], 5),
        (["wait=0"], 0),
        (["wait=61"], 60),
        (["wait=999999999"], 60),
        (["wait=5, wait=9"], 5),
        (["wait"], None),
        (["wait=soon"], None),
        (["wait=-1"], None),
        (["wait=1.5"], None),
        (["await=5"], None),
        (["wait=" + "9" * 5000], None),
    ],
)
def test_wait_is_read(headers: list[str], seconds: int | None) -> None:
    raw = [(b"prefer", header.encode()) for header in headers]
    assert wanted_wait(Request({"type": "http", "headers": raw})) == seconds
