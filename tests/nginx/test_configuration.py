"""What start.sh makes of its settings."""

import os
import subprocess
from pathlib import Path

import pytest

from db.settings import ROOT


def check(tmp_path: Path, **env: str) -> subprocess.CompletedProcess[str]:
    run = {"PATH": f"{os.environ['PATH']}:/usr/sbin", "RUN": str(tmp_path), "ACCESS_LOG": str(tmp_path / "log")}
    script = str(ROOT / "deploy/nginx/start.sh")
    return subprocess.run(["sh", script, "-t"], env=run | env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"WEBSOCKET_SERVER": "hub", "LISTEN": "127.0.0.1:18080"},
        {"TRUSTED_PROXIES": "10.0.0.0/8, 127.0.0.1,fd00::/8", "WEBSOCKET_URL": "wss://ws.example.org/ws"},
    ],
)
@pytest.mark.usefixtures("nginx")
def test_nginx_accepts_what_is_made_of_good_settings(tmp_path: Path, env: dict[str, str]) -> None:
    checked = check(tmp_path, **env)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"WEBSOCKET_SERVER": "node"}, "WEBSOCKET_SERVER is 'node'; it must be wsify or hub."),
        ({"TRUSTED_PROXIES": "10.0.0.0/8; evil"}, "TRUSTED_PROXIES holds '10.0.0.0/8;'; it must be"),
    ],
)
def test_a_wrong_setting_is_one_sentence(tmp_path: Path, env: dict[str, str], sentence: str) -> None:
    checked = check(tmp_path, **env)
    assert checked.returncode != 0
    assert sentence in checked.stderr


def test_a_websocket_elsewhere_is_let_into_the_pages_policy(tmp_path: Path) -> None:
    check(tmp_path, WEBSOCKET_URL="wss://ws.example.org/ws?x='; script-src *")
    policy = (tmp_path / "conf/headers_map.conf").read_text()
    assert "connect-src 'self' wss://ws.example.org;" in policy
    assert "script-src *" not in policy
