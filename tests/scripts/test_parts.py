"""The API is started alike by `make run` and by compose where its websockets are concerned: nothing is deflated."""

import re
from itertools import pairwise

import pytest
from websockets.sync.client import connect

from db.settings import ROOT, Settings
from scripts.parts import taskbell
from tests.scripts.launcher import Launcher

OPTIONS = {"--ws-per-message-deflate": "false", "--ws-max-size": "16384"}
API = "api.app:app"


def websocket_options(command: list[str]) -> dict[str, str]:
    return {option: value for option, value in pairwise(command) if option.startswith("--ws-")}


@pytest.mark.parametrize("environment", ["development", "production"])
def test_make_run_deflates_nothing(environment: str) -> None:
    settings = Settings(
        _env_file=None,
        environment=environment,
        database_url="postgresql://app:s3cret@db/taskbell",
        secret_key="k" * 40,
    )
    (api,) = [part for part in taskbell(settings) if API in part.command]
    assert websocket_options(api.command) == OPTIONS


def test_compose_deflates_nothing() -> None:
    (line,) = [line for line in (ROOT / "compose.yaml").read_text().splitlines() if API in line]
    assert websocket_options(re.findall(r'"([^"]*)"', line)) == OPTIONS


@pytest.mark.slow
def test_a_running_api_does_not_take_the_offer_of_compression(running: Launcher) -> None:
    url = f"ws://127.0.0.1:{running.tree.http}/ws"
    with connect(url, compression="deflate", proxy=None) as socket:
        assert socket.request is not None
        assert socket.response is not None
        assert "permessage-deflate" in socket.request.headers["Sec-WebSocket-Extensions"]
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
