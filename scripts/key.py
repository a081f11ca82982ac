"""`make key NAME=shop ROLE=producer`: makes an API key, writes its hash into `.env`, prints the key once."""

import hashlib
import secrets
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
    print("This is the only time it is shown; .env has its hash. Start the API again to let it in.", file=sys.stderr)


if __name__ == "__main__":
    main()
