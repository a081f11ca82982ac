"""How single settings are read and refused: every function here takes text and says what would be right."""

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

if TYPE_CHECKING:
    from db.settings import Settings

ROLES = ("producer", "operator", "reader")
SECRET_LENGTH = 32  # characters, at least
SECRETS = {
    "secret_key",
    "wsify_key",
    "api_keys",
    "postgres_password",
    "database_password",
    "redis_password",
    "pgadmin_password",
}
PASSWORD_IN_URL = re.compile(r"://([^:/@\s]*):[^@/\s]*@")


class ApiKey(NamedTuple):
    """One key of the API: its name, what it may do, and the SHA-256 of the key in hexadecimal."""

    name: str
    role: str
    sha256: str


def parse_list(value: object) -> object:
    """Split a comma list; white space and empty places don't count."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def parse_queues(value: object) -> object:
    """Read names of queues."""
    return _check_names(value, r"[A-Za-z0-9_.-]{1,64}", "be names of queues, each 1 to 64 of A-Z a-z 0-9 _ . -")


def parse_tasks(value: object) -> object:
    """Read names of tasks, or `*`."""
    return _check_names(
        value, r"\*|[A-Za-z0-9_.-]{1,128}", "be * or names of tasks, each 1 to 128 of A-Z a-z 0-9 _ . -"
    )


def _check_names(value: object, pattern: str, right: str) -> object:
    names = parse_list(value)
    if isinstance(names, tuple) and not all(re.fullmatch(pattern, name) for name in names):
        raise ValueError(f"must {right}")
    return names


def parse_upper(value: object) -> object:
    """Write a name in capitals, since people write `info`."""
    return value.upper() if isinstance(value, str) else value


def parse_api_keys(value: object) -> object:
    """Read `name:role:sha256,…`."""
    if not isinstance(value, str):
        return value
    keys = [_api_key(part) for part in value.split(",") if part.strip()]
    if len({key.name for key in keys}) < len(keys):
        raise ValueError("each key needs a name of its own")
    return tuple(keys)


def _api_key(text: str) -> ApiKey:
    name, _, rest = text.strip().partition(":")
    role, _, digest = rest.partition(":")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise ValueError("each key is name:role:sha256, its name made of letters, digits and _.-")
    if role not in ROLES:
        raise ValueError(f"the role of key {name} must be one of {', '.join(ROLES)}")
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise ValueError(
            f"the last part of key {name} must be its SHA-256, 64 hexadecimal digits; `make key` writes it"
        )
    return ApiKey(name, role, digest)


def parse_hosts_with_ports(value: object) -> object:
    """Read `host:port,…`; an IPv6 address stands in brackets."""
    hosts = parse_list(value)
    for host in hosts if isinstance(hosts, tuple) else ():
        match = re.fullmatch(r"(\[[0-9a-fA-F:]+\]|[^:\[\]/\s]+):(\d{1,5})", host)
        if not match or not 0 < int(match[2]) < 1 << 16:
            raise ValueError("each place must be host:port, like billing.internal:8545")
    return hosts


def parse_origins(value: object) -> object:
    """Read origins like `https://shop.example`: scheme, host, maybe a port, and nothing behind."""
    origins = parse_list(value)
    for origin in origins if isinstance(origins, tuple) else ():
        if not re.fullmatch(r"https?://[^/\s@?#]+", origin):
            raise ValueError("each origin must be like https://shop.example, without a path")
    return tuple(origin.lower() for origin in origins) if isinstance(origins, tuple) else origins


def parse_postgres_url(value: object) -> object:
    """Check an address of Postgres, as libpq reads it: several hosts may stand in it."""
    if not isinstance(value, str) or value == "":
        return value
    wrong = "must be an address like postgresql://login:password@host:5432/database"
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError(wrong)
    try:
        parts = conninfo_to_dict(value)
        ports_are_numbers = all(port == "" or port.isdecimal() for port in str(parts.get("port", "")).split(","))
    except ProgrammingError:
        raise ValueError(wrong) from None
    if not ports_are_numbers:
        raise ValueError(wrong)
    return value


def parse_redis_url(value: object) -> object:
    """Check an address of Redis."""
    return _check_url(value, ("redis", "rediss", "unix"), "redis://:password@host:6379/0", needs_host=False)


def parse_http_url(value: object) -> object:
    """Check a web address; a slash at its end is dropped."""
    checked = _check_url(value, ("http", "https"), "https://tasks.example.com")
    return checked.rstrip("/") if isinstance(checked, str) else checked


def parse_websocket_url(value: object) -> object:
    """Check a websocket's address."""
    return _check_url(value, ("ws", "wss"), "wss://tasks.example.com/ws")


def _check_url(value: object, schemes: tuple[str, ...], example: str, *, needs_host: bool = True) -> object:
    if not isinstance(value, str) or value == "":
        return value
    wrong = f"must be an address like {example}"
    try:
        parts = urlsplit(value)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in schemes or not port_is_number or (needs_host and not parts.hostname):
        raise ValueError(wrong)
    return value


def url_host(url: str) -> str:
    """Return the host of an address, an IPv6 one in brackets."""
    host = urlsplit(url).hostname or ""
    return f"[{host}]" if ":" in host else host


def require_own_secrets(settings: "Settings", sample: str) -> None:
    """Refuse what production must not have: sample, empty or short secrets, and public tasks for all."""
    if not settings.secret_key or any(sample in secret for secret in settings.secret_key):
        raise ValueError(
            "SECRET_KEY is the sample or empty: production needs a long random one, `openssl rand -hex 32`"
        )
    if any(len(secret) < SECRET_LENGTH for secret in settings.secret_key):
        raise ValueError(
            f"SECRET_KEY is too short: production needs {SECRET_LENGTH} characters or more, `openssl rand -hex 32`"
        )
    if "*" in settings.public_tasks:
        raise ValueError("PUBLIC_TASKS is *: production needs a list of names, so that not every task is open to all")
    for name in ("database_url", "migrate_database_url", "redis_url"):
        password = urlsplit(str(getattr(settings, name))).password  # None: it names none, a socket or a file may do
        if password == "" or sample in unquote(password or ""):
            raise ValueError(f"{name.upper()} holds a sample or empty password: production needs one of its own")
    if settings.wsify_url and (not settings.wsify_key or sample in settings.wsify_key):
        raise ValueError("WSIFY_KEY is the sample or empty: with WSIFY_URL set, production needs one of its own")


def explain(error: ValidationError) -> str:
    """Say in one sentence which setting is wrong, its value unless secret, and what would be right."""
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    if not first["loc"]:
        return reason
    name = str(first["loc"][0])
    if first["type"] == "missing":
        return f"{name.upper()} is not set: put it into the environment or .env (`make run` writes one)"
    value = PASSWORD_IN_URL.sub(r"://\1:…@", str(first["input"]))
    shown = "has a wrong value" if name in SECRETS else f"is {value!r}"
    return (
        f"{name.upper()} {shown}: it {reason}"
        if reason.startswith(("must", "should"))
        else f"{name.upper()} {shown}: {reason}"
    )
