"""Tokens: bound to one task and one scope, good under every key in SECRET_KEY, signed with the first."""

import os
import subprocess
import sys
from uuid import uuid4

ID = uuid4()
SIGN = "import sys; from api.tokens import sign, verify; "


def run(code: str, *arguments: str, secret: str = "one") -> str:
    env = os.environ | {
        "DATABASE_URL": "postgresql://x@localhost/x",
        "SECRET_KEY": secret,
        "ENVIRONMENT": "development",
    }
    done = subprocess.run(
        [sys.executable, "-c", SIGN + code, *arguments], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_scope_and_task_are_bound() -> None:
    code = f"""
from uuid import uuid4
id = {str(ID)!r}
owner, view = sign(id), sign(id, "view")
assert verify(owner, id) == "owner" and verify(view, id) == "view"
assert verify(owner, id.upper().replace("-", "")) == "owner"
assert verify("v" + owner[1:], id) is None and verify("o" + view[1:], id) is None
assert verify(owner, uuid4()) is None and verify(owner, "no uuid") is None
for wrong in ("", "x", owner + "a", owner[:-1], "é" * len(owner), owner[:-1] + ("A" if owner[-1] != "A" else "B")):
    assert verify(wrong, id) is None, wrong
"""
    run(code)


def test_keys_change_without_breaking_tokens() -> None:
    old = run(f"print(sign({str(ID)!r}))", secret="old")
    ask = f"print(verify(sys.argv[1], {str(ID)!r}))"
    assert run(ask, old, secret="new,old") == "owner"
    assert run(ask, old, secret="new") == "None"
    assert run(f"print(sign({str(ID)!r}))", secret="new,old") == run(f"print(sign({str(ID)!r}))", secret="new")
