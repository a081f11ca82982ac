"""Hides what looks secret in payloads, results, errors and tracebacks from all but superusers."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

HIDDEN = "••••••"
SECRET_NAME = re.compile(
    r"password|passwd|passphrase|passcode|^pass$|pwd|secret|token|authorization|^auth$|api[-_ ]?key|access[-_ ]?key"
    r"|private[-_ ]?key|cookie|credential|session[-_ ]?id|bearer|signature|^pin$|^otp$|^cvv|card[-_ ]?number|^iban$",
    re.IGNORECASE,
)
# name = value, "name": "value", name: Bearer value: in tracebacks, reprs, and JSON inside of text.
NAMED_VALUE = re.compile(
    r"""(?P<name>[\w-]*(?:password|passwd|passphrase|pwd|secret|token|authorization|api[-_]?key|access[-_]?key"""
    r"""|private[-_]?key|cookie|credential)[\w-]*)(?P<between>\\?["']?\s*[:=]\s*)"""
    r"""(?P<value>\\?"(?:[^"\\]|\\.)*"?|\\?'(?:[^'\\]|\\.)*'?|(?:(?:Bearer|Basic|Digest)\s+)?[^\s,;)}\]&"']+)""",
    re.IGNORECASE,
)
USER_INFO = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
SCHEME_VALUE = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9+/_.=~-]{6,}", re.IGNORECASE)
SHORTEST = 3  # characters; replacing shorter ones everywhere would leave no text


class Mask:
    """Masks one task's data. Values found under secret names are hidden wherever they turn up again."""

    def __init__(self, *documents: Any) -> None:
        found = {value for document in documents for value in _secret_values(document) if len(value) >= SHORTEST}
        self._known = sorted({spelled for value in found for spelled in _spellings(value)}, key=len, reverse=True)

    def data(self, value: Any) -> Any:
        """Return JSON data with secrets hidden."""
        if isinstance(value, dict):
            return {key: HIDDEN if secret else self.data(inner) for key, inner, secret in _entries(value)}
        if isinstance(value, list):
            return [self.data(inner) for inner in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return HIDDEN if str(value) in self._known else value
        return self.text(value) if isinstance(value, str) else value

    def text(self, value: str) -> str:
        """Return text with secrets hidden."""
        for secret in self._known:
            value = value.replace(secret, HIDDEN)
        value = NAMED_VALUE.sub(lambda match: f"{match['name']}{match['between']}{HIDDEN}", value)
        return SCHEME_VALUE.sub(rf"\1 {HIDDEN}", USER_INFO.sub(rf"\1{HIDDEN}@", value))


class NoMask(Mask):
    """For superusers: everything as it is."""

    def data(self, value: Any) -> Any:
        """Return it."""
        return value

    def text(self, value: str) -> str:
        """Return it."""
        return value


def _is_secret(name: str, value: Any) -> bool:
    """Tell whether a value under this name is to be hidden; `max_tokens: 100` and flags are no secrets."""
    if value in (None, "", {}, []) or isinstance(value, bool):
        return False
    counts = isinstance(value, int | float) and name.lower().endswith("tokens")
    return bool(SECRET_NAME.search(name)) and not counts


def _entries(document: dict[str, Any]) -> Iterator[tuple[str, Any, bool]]:
    """Yield key, value, and whether it is to be hidden; {"name": "Authorization", "value": …} is a name, too."""
    label = document.get("name", document.get("key"))
    for key, inner in document.items():
        name = label if key == "value" and isinstance(label, str) else key
        yield key, inner, _is_secret(key, inner) or _is_secret(name, inner)


def _spellings(value: str) -> set[str]:
    """Return a secret as it stands in text, in Python's reprs, in JSON and in addresses."""
    in_json = {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    return {value, repr(value)[1:-1], quote(value, safe=""), *in_json}


def _secret_values(value: Any, *, secret: bool = False) -> Iterator[str]:
    """Yield the texts and numbers that stand under secret names."""
    if isinstance(value, dict):
        for _, inner, named in _entries(value):
            yield from _secret_values(inner, secret=secret or named)
    elif isinstance(value, list):
        for inner in value:
            yield from _secret_values(inner, secret=secret)
    elif secret and isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
