"""Settings: documented in .env.example and the reference, refused with one clear sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.settings import ROOT, Settings
from db.settings_parts import explain
from scripts import environment

NAMES = {name.upper() for name in Settings.model_fields}
GOOD = {"ENVIRONMENT": "production", "DATABASE_URL": "postgresql://app:s3cret@db/taskbell", "SECRET_KEY": "k" * 40}


Reader = Callable[..., Settings]


@pytest.fixture
def settings_of(monkeypatch: pytest.MonkeyPatch) -> Reader:
    def read(**values: str) -> Settings:
        for name in NAMES:
            monkeypatch.setenv(name, "")
        for name, value in (GOOD | values).items():
            monkeypatch.setenv(name, value)
        return Settings(_env_file=None)

    return read


def test_the_example_names_every_setting_once_and_no_other() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = [line.split("=")[0] for line in lines if line and not line.startswith("#")]
    assert sorted(named) == sorted(NAMES)


def test_the_reference_names_every_setting() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    assert not [name for name in NAMES if f"| `{name}` |" not in page]


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("ENVIRONMENT", "prod", "'development' or 'production'"),
        ("DATABASE_URL", "mysql://app@db/x", "postgresql://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("WSIFY_URL", "wsify:3000", "https://"),
        ("WEBSOCKET_URL", "https://x", "wss://"),
        ("ALLOWED_ORIGINS", "https://a.example/path", "https://shop.example"),
        ("API_KEYS", "shop:admin:" + "a" * 64, "producer, operator, reader"),
        ("API_KEYS", "shop:producer:abc", "64 hexadecimal digits"),
        ("JSONRPC_ALLOW", "localhost", "host:port"),
        ("HTTP_PORT", "70000", "65535"),
        ("LOG_LEVEL", "loud", "'INFO'"),
        ("QUEUES", "mail, a b", "names of queues"),
        ("QUEUES", "*", "names of queues"),
        ("PUBLIC_TASKS", "echo; sleep", "names of tasks"),
    ],
)
def test_a_wrong_value_is_refused_in_one_sentence(settings_of: Reader, name: str, value: str, right: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_of(**{name: value})
    sentence = explain(refused.value)
    assert sentence.startswith(name)
    assert right in sentence
    assert "\n" not in sentence


def test_a_sentence_never_tells_a_password(settings_of: Reader) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_of(DATABASE_URL="mysql://app:hunter2@db/x")
    assert "hunter2" not in explain(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "change-me"),
        ("SECRET_KEY", " , "),
        ("SECRET_KEY", "short"),
        ("PUBLIC_TASKS", "*"),
        ("DATABASE_URL", "postgresql://app:change-me@db/taskbell"),
        ("REDIS_URL", "redis://:change-me@redis:6379/0"),
        ("DATABASE_URL", "postgresql://app:@db/taskbell"),
        ("REDIS_URL", "redis://:@redis:6379/0"),
    ],
)
def test_production_refuses_samples(settings_of: Reader, name: str, value: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_of(**{name: value})
    assert name in explain(refused.value)
    settings_of(**{name: value, "ENVIRONMENT": "development"})


def test_what_is_empty_has_its_default(settings_of: Reader) -> None:
    production, development = settings_of(), settings_of(ENVIRONMENT="development", HTTP_PORT="8123")
    assert production.public_tasks == ("echo", "sleep", "wordcount")
    assert development.public_tasks == ("*",)
    assert development.public_url == "http://localhost:8123"


def test_each_purpose_has_keys_of_its_own_and_the_first_signs(settings_of: Reader) -> None:
    old, new = settings_of(SECRET_KEY="o" * 40), settings_of(SECRET_KEY=f"{'n' * 40},{'o' * 40}")
    assert new.derive_key("token")[1] == old.derive_key("token")[0]
    assert new.derive_key("token")[0] != new.derive_key("django")[0]


def test_a_process_with_a_wrong_setting_ends_with_that_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "db.migrate"],
        env=os.environ | dict.fromkeys(NAMES, "") | GOOD | {"HTTP_PORT": "abc"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("HTTP_PORT is 'abc'")
    assert done.stderr.count("\n") == 1


def test_a_fresh_env_has_new_secrets_and_two_ports(tmp_path: Path) -> None:
    example = (ROOT / ".env.example").read_text()
    first, second = environment.fresh(example), environment.fresh(example)
    assert "change-me" not in "".join(line for line in first.splitlines() if not line.startswith("#"))
    assert set(first.splitlines()) & set(second.splitlines()) >= {"HTTP_PORT=8000", "API_KEYS="}
    secret_lines = [line for line in first.splitlines() if line.startswith(("SECRET_KEY", "POSTGRES_PASSWORD"))]
    assert not set(secret_lines) & set(second.splitlines())
    file = tmp_path / ".env"
    file.write_text(first.replace("ENVIRONMENT=development", "ENVIRONMENT=production"))
    settings = Settings(_env_file=file)
    assert settings.database_url == (
        f"postgresql://taskbell_app:{settings.database_password}@127.0.0.1:{settings.postgres_port}/taskbell"
    )
