"""The `.env` file: made once with fresh secrets and free ports, changed a line at a time, always mode 0600.

Standard library only, since `make up` runs it on machines where nothing is installed.
"""

import os
import platform
import random
import re
import secrets
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / ".env"
EXAMPLE = ROOT / ".env.example"
SAMPLE = "change-me"
STORE_PORTS = range(15000, 30000)  # below those that the system hands to outgoing connections
LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)")


def ensure() -> bool:
    """Make `.env` where there is none; tell whether it was made. `SystemExit`: one sentence on what is wrong."""
    if FILE.exists():
        check()
        return False
    write(fresh(EXAMPLE.read_text(encoding="utf-8")))
    return True


def fresh(example: str) -> str:
    """Fill the example: a new secret for each sample, free ports for the two stores."""
    lines = [re.sub(rf"={SAMPLE}$", lambda _: f"={secrets.token_hex(32)}", line) for line in example.splitlines()]
    postgres, redis = free_store_ports(2)
    text = "\n".join(lines) + "\n"
    if platform.machine().lower() not in {"x86_64", "amd64"}:  # wsify's image is for these alone
        text = re.sub(r"^WEBSOCKET_SERVER=.*$", "WEBSOCKET_SERVER=hub", text, flags=re.MULTILINE)
    text = re.sub(r"^POSTGRES_PORT=.*$", f"POSTGRES_PORT={postgres}", text, flags=re.MULTILINE)
    return re.sub(r"^(REDIS_URL=.*):\d+/0$", rf"\g<1>:{redis}/0", text, flags=re.MULTILINE)


def check() -> None:
    """Refuse a `.env` that can't be read, naming the line; shut out other accounts from one that is ours."""
    try:
        lines = FILE.read_text(encoding="utf-8").splitlines()
    except PermissionError:
        raise SystemExit(f"{FILE} belongs to another account: run this as {owner(FILE)}, or remove it") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise SystemExit(f"{FILE} is no UTF-8 text: mend it, or remove it and a new one is made") from None
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#") and not LINE.fullmatch(line.strip()):
            raise SystemExit(
                f".env, line {number}: this is no NAME=value; mend it, or remove .env and a new one is made"
            )
    if FILE.stat().st_uid == os.geteuid() and FILE.stat().st_mode & 0o077:
        FILE.chmod(0o600)


def value(name: str) -> str | None:
    """Return what `.env` says for one setting, as it stands there; None: nothing."""
    found = re.search(rf"^(?:export\s+)?{name}=(.*)$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip().strip("'\"") if found else None


def replace(name: str, value: str) -> None:
    """Set one line of `.env` and leave the others as they are."""
    line, text = f"{name}={value}", FILE.read_text(encoding="utf-8")
    pattern = re.compile(rf"^(export\s+)?{name}=.*$", re.MULTILINE)
    write(pattern.sub(lambda _: line, text) if pattern.search(text) else f"{text.rstrip()}\n{line}\n")


def write(text: str) -> None:
    """Write `.env` whole, readable by its owner alone."""
    half = FILE.with_name(f".env.{os.getpid()}.new")
    try:
        with os.fdopen(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        half.replace(FILE)
    except PermissionError:
        raise SystemExit(f"{ROOT} may not be written to by this account: it belongs to {owner(ROOT)}") from None


def free_store_ports(number: int) -> list[int]:
    """Return ports on which nobody listens now."""
    found: list[int] = []
    for port in random.sample(STORE_PORTS, 1000):
        if len(found) < number and is_free(port):
            found.append(port)
    return found


def is_free(port: int) -> bool:
    """Tell whether one could listen on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a closed server left is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def owner(path: Path) -> str:
    """Name the account that a file belongs to."""
    try:
        return path.owner()
    except KeyError:
        return f"user id {path.stat().st_uid}"


if __name__ == "__main__":
    if ensure():
        sys.stdout.write("made .env with fresh secrets\n")
