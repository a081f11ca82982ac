"""What a fresh `.env` holds."""

import platform

import pytest

from scripts import environment


@pytest.mark.parametrize(
    ("machine", "server"), [("x86_64", "wsify"), ("AMD64", "wsify"), ("aarch64", "hub"), ("arm64", "hub")]
)
def test_the_hub_serves_where_wsifys_image_does_not_run(
    monkeypatch: pytest.MonkeyPatch, machine: str, server: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    lines = environment.fresh(environment.EXAMPLE.read_text()).splitlines()
    assert f"WEBSOCKET_SERVER={server}" in lines
    assert not [line for line in lines if line.endswith(environment.SAMPLE)]
