"""A task's result as JSON text that Postgres is sure to take."""

import json
import re
from typing import Any

from worker.outcome import Fail

MOST_BYTES = 1024 * 1024
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_encode_short = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False).encode


class BadResult(Fail):
    """The task ran, but what it returned can't be stored."""


def to_json(result: Any) -> str:
    """Return the result as JSON text. `BadResult` for what is no JSON, what jsonb can't hold, or over 1 MiB."""
    try:
        text = _encode(result)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadResult(f"the result can't be stored as JSON: {error}") from None
    if "\\u0000" in text or "\\ud" in text:
        _refuse_nul_and_surrogates(result)
    if len(text) > MOST_BYTES and (size := len(_encode_short(result).encode())) > MOST_BYTES:
        raise BadResult(f"the result has {size:,} bytes as JSON; at most {MOST_BYTES:,} are stored")
    return text


def _refuse_nul_and_surrogates(result: Any) -> None:
    plain = _encode_short(result)
    if _NUL.search(plain):
        raise BadResult("the result holds the character NUL, which JSON in Postgres can't store")
    try:
        plain.encode()
    except UnicodeEncodeError:
        raise BadResult("the result holds half a surrogate pair, which is no text") from None
