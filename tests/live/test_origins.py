"""Whose pages may open a websocket."""

import pytest

from api.live.origins import allowed
from db.settings import Settings

SETTINGS = Settings.model_construct(public_url="https://bell.example", allowed_origins=("https://shop.example",))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (None, "anything"),
        ("https://shop.example", "bell.example"),
        ("https://bell.example", None),
        ("https://bell.example:443", None),
        ("http://localhost:8000", "localhost:8000"),
        ("http://127.0.0.1:8000", "localhost:8000"),
        ("http://[::1]:8000", "127.0.0.1:8000"),
        ("http://inner:3000", "inner:3000"),
    ],
)
def test_ours(origin: str | None, host: str | None) -> None:
    assert allowed(origin, host, SETTINGS)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("null", "localhost:8000"),
        ("null", None),
        ("", "localhost:8000"),
        ("http://bell.example", None),
        ("https://bell.example.evil.example", "bell.example"),
        ("https://shop.example:8443", "bell.example"),
        ("http://localhost:8001", "localhost:8000"),
        ("http://localhost:99999", "localhost:99999"),
        ("http://", ""),
        ("file://", "localhost:8000"),
    ],
)
def test_others(origin: str, host: str | None) -> None:
    assert not allowed(origin, host, SETTINGS)
