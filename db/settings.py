"""The settings: one frozen, typed object, read once from the environment, else from `.env`.

An empty value counts as absent, so a setting can also be put back to its default from outside.
"""

import hmac
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from db.settings_parts import (
    ApiKey,
    explain,
    parse_api_keys,
    parse_hosts_with_ports,
    parse_http_url,
    parse_list,
    parse_origins,
    parse_postgres_url,
    parse_queues,
    parse_redis_url,
    parse_tasks,
    parse_upper,
    parse_websocket_url,
    require_own_secrets,
    url_host,
)

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_SECRET = "change-me"  # noqa: S105 - what .env.example holds, and production refuses
NOBODY_TASKS = ("echo", "sleep", "wordcount")  # what production lets people without a key enqueue
ALWAYS_ALLOWED_HOSTS = ("localhost", "127.0.0.1", "[::1]", "api", "admin", "nginx", "wsify", "worker")

TextList = Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_list)]


class Settings(BaseSettings):
    """Every setting of Taskbell, named in the environment by the same name in capitals."""

    model_config = SettingsConfigDict(env_file=ROOT / ".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    environment: Literal["development", "production"] = Field(
        "production", description="`development` (what `make run` writes) or `production`, which refuses sample secrets"
    )
    database_url: Annotated[str, BeforeValidator(parse_postgres_url)] = Field(
        description="login of the running parts and of `make psql`: no superuser, owner of nothing"
    )
    migrate_database_url: Annotated[str, BeforeValidator(parse_postgres_url)] = Field(
        "",
        description="login that migrates, may create roles; only for `db.migrate`; empty: DATABASE_URL migrates",
    )
    redis_url: Annotated[str, BeforeValidator(parse_redis_url)] = Field(
        "", description="where the queue locks live; empty: a lock row in Postgres serves instead"
    )
    wsify_url: Annotated[str, BeforeValidator(parse_http_url)] = Field(
        "", description="wsify that the API relays to; empty: only the API's own hub"
    )
    wsify_key: str = Field("", description="wsify's broadcasting key")
    websocket_url: Annotated[str, BeforeValidator(parse_websocket_url)] = Field(
        "", description="websocket that pages connect to; empty: `/ws` of their own origin"
    )
    public_url: Annotated[str, BeforeValidator(parse_http_url)] = Field(
        "", description="how people reach it: allowed hosts, secure cookies, links; empty: `http://localhost:HTTP_PORT`"
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origins)] = Field(
        (), description="other sites, comma separated, whose pages may call the API and the websocket"
    )
    secret_key: TextList = Field(
        (SAMPLE_SECRET,),
        description="comma list: the first signs, all verify; a key of its own is derived for each purpose",
    )
    api_keys: Annotated[tuple[ApiKey, ...], NoDecode, BeforeValidator(parse_api_keys)] = Field(
        (),
        description="`name:role:sha256-of-key`, comma separated; `producer`, `operator`, `reader`; `make key`",
    )
    public_tasks: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_tasks)] = Field(
        (),
        description="tasks open to all without a key; empty: `echo,sleep,wordcount`, in development `*` (all)",
    )
    task_modules: TextList = Field(
        (), description="Python modules holding tasks, comma separated, beside those in `worker/tasks/`"
    )
    queues: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_queues)] = Field(
        (), description="queues that this worker serves, comma separated; empty: all"
    )
    jsonrpc_allow: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_hosts_with_ports)] = Field(
        (), description="`host:port`, comma separated, that the `jsonrpc` task may call"
    )
    http_port: int = Field(8000, ge=1, le=65535, description="port on this machine of page and API")
    admin_port: int = Field(8001, ge=1, le=65535, description="port on this machine of the admin")
    postgres_port: int = Field(5432, ge=1, le=65535, description="port on this machine of our own Postgres")
    postgres_password: str = Field("", description="password of the login that migrates, on a Postgres of our own")
    database_password: str = Field("", description="password of the running parts' login, on a Postgres of our own")
    redis_password: str = Field("", description="password of a Redis of our own")
    pgadmin_email: str = Field("", description="compose: login of pgAdmin, where that profile is on")
    pgadmin_password: str = Field("", description="compose: password of pgAdmin")
    pgadmin_port: int = Field(5050, ge=1, le=65535, description="compose: port on 127.0.0.1 of pgAdmin")
    workers: int = Field(1, ge=0, description="compose: how many workers run")
    apis: int = Field(1, ge=1, description="compose: how many APIs run; nginx finds them")
    taskbell_image: str = Field("taskbell", description="compose: name of the image that `migrate` builds")
    websocket_server: Literal["wsify", "hub"] = Field("wsify", description="compose: what serves `/ws`")
    http_address: str = Field("0.0.0.0", description="compose: address of this machine that nginx is published on")  # noqa: S104 - its purpose
    trusted_proxies: TextList = Field(
        (), description="compose: addresses or networks, comma separated, of a TLS proxy in front of nginx"
    )
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(parse_upper)] = Field(
        "INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`"
    )
    log_format: Literal["text", "json"] = Field("text", description="`text` or `json`")

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _fill_and_check(self) -> Self:
        production = self.environment == "production"
        filled = {
            "public_url": self.public_url or f"http://localhost:{self.http_port}",
            "secret_key": self.secret_key or (SAMPLE_SECRET,),  # a list of commas alone
            "public_tasks": self.public_tasks or (NOBODY_TASKS if production else ("*",)),
        }
        for name, value in filled.items():
            object.__setattr__(self, name, value)  # frozen from here on
        if production:
            require_own_secrets(self, SAMPLE_SECRET)
        return self

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """Host names, without ports, under which requests are answered."""
        return tuple(dict.fromkeys((*ALWAYS_ALLOWED_HOSTS, url_host(self.public_url))))

    def derive_key(self, purpose: str) -> list[bytes]:
        """Return 32-byte keys for one purpose, one for each SECRET_KEY: the first signs, all verify."""
        label = f"taskbell {purpose}".encode()
        return [hmac.digest(secret.encode(), label, "sha256") for secret in self.secret_key]


@lru_cache(maxsize=1)
def load() -> Settings:
    """Return the settings, read once. `SystemExit` with one sentence when one of them is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        raise SystemExit(explain(error)) from None
    except UnicodeDecodeError:
        raise SystemExit(
            f"{ROOT / '.env'} is not UTF-8 text: save it as such, or remove it and run `make run`"
        ) from None
    except PermissionError:
        raise SystemExit(f"{ROOT / '.env'} may not be read by this account: it belongs to another one") from None
