"""`make key NAME=shop ROLE=producer`: makes an API key, writes its hash into `.env`, prints the key once."""

import fcntl
import hashlib
import secrets
import subprocess
import sys

from db.settings_parts import parse_api_keys
from scripts import environment


def main() -> None:
    """Make the key; a key of the same name is replaced. `SystemExit`: name or role is wrong."""
    name, role = (*sys.argv[1:], "", "")[:2]
    if not name or not role:
        raise SystemExit("which key? make key NAME=shop ROLE=producer (or operator, or reader)")
    key = f"tb_{secrets.token_urlsafe(32)}"
    entry = f"{name}:{role}:{hashlib.sha256(key.encode()).hexdigest()}"
    environment.ensure()
    others = [one for one in (environment.value("API_KEYS") or "").split(",") if one and one.split(":")[0] != name]
    keys = ",".join([*others, entry])
    try:
        parse_api_keys(keys)
    except ValueError as error:
        raise SystemExit(f"no key made: {error}") from None
    environment.replace("API_KEYS", keys)
    print(key)
    print(f"This is the only time it is shown; .env has its hash. {what_next()}", file=sys.stderr)


def what_next() -> str:
    """Say what lets the key in, on whichever stack is up: an API reads its settings when it starts."""
    if _make_run_is_up():
        return "To let it in, stop `make run` with Ctrl-C and start it again."
    if _compose_is_up():
        return "To let it in: docker compose up -d --wait (a mere restart keeps the settings of before)."
    return "An API knows it from its next start on."


def _make_run_is_up() -> bool:
    try:
        with (environment.ROOT / ".data" / "run.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _compose_is_up() -> bool:
    command = ["docker", "compose", "ps", "--quiet", "api"]
    try:
        done = subprocess.run(command, cwd=environment.ROOT, capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and bool(done.stdout.strip())


if __name__ == "__main__":
    main()
