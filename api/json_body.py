"""Reading a JSON body strictly: what Postgres cannot hold, or two readers could read differently, is refused here."""

import asyncio
import json
import math
from email.message import Message
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from api.errors import Problem
from api.headers import header

MAX_DEPTH = 64  # levels of a payload, the database's own bound
BODY_DEPTH = MAX_DEPTH + 8  # levels of a whole body: a payload stands inside a task inside a batch
BIG = 256 * 1024  # bytes: a larger body is parsed in a thread, so that others' requests go on


async def read_json(request: Request) -> Any:
    """Return the parsed body. 415 when it is not JSON by its type, 422 with a sentence when it cannot be used."""
    return await parse_body(request, await request.body())


async def read_body(request: Request) -> bytes:
    """Return the body as `request.body()` does, at a third of its cost; once, since nothing is kept."""
    parts: list[bytes] = []
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def parse_body(request: Request, body: bytes) -> Any:
    """Return what a body holds, as `read_json`."""
    check_content_type(request)
    if len(body) > BIG:
        return await asyncio.to_thread(parse, body)
    return parse(body)


async def read_optional_json(request: Request) -> Any:
    """Return the parsed body, an empty object when there is none."""
    return await read_json(request) if await request.body() else {}


def check_content_type(request: Request) -> None:
    """Let pass `application/json` in UTF-8 alone (which also keeps other sites' plain forms out)."""
    given = header(request.scope, b"content-type")
    if given == "application/json":
        return
    message = Message()
    message["content-type"] = given or ""
    charset = str(message.get_param("charset", "utf-8")).lower()
    if given is None or message.get_content_type() != "application/json" or charset not in {"utf-8", "utf8"}:
        raise Problem(
            415,
            "Send the body as JSON in UTF-8, with the header Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )


def parse(body: bytes) -> Any:
    """Parse one JSON document, refusing NaN, infinities, double keys, NUL, lone surrogates and deep nesting."""
    try:
        text = body.decode("utf-8")
        value = _decoder.decode(text)
    except UnicodeDecodeError:
        raise Problem(422, "The body is not UTF-8 text.") from None
    except RecursionError:
        raise Problem(422, f"The JSON is nested deeper than {MAX_DEPTH} levels.") from None
    except json.JSONDecodeError as error:
        raise Problem(422, f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
    if "\\u" in text or text.count("{") + text.count("[") > BODY_DEPTH:
        _check(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # None, on purpose
        raise Problem(422, f"The JSON has the key {json.dumps(double[:100])} twice in one object.")
    return made


def _no_constant(name: str) -> NoReturn:
    raise Problem(422, f"{name} is not JSON; send a finite number, a text or null.")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise Problem(422, f"The number {text[:40]} is too large; send it as text.")
    return number


def _int(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python refuses thousands of digits, whose conversion costs quadratic time
        raise Problem(422, f"A number of {len(text)} digits is too large; send it as text.") from None


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float, parse_int=_int)


def _check(value: Any) -> None:
    """Walk the parsed value, without recursion, for what escapes can smuggle in and for its depth."""
    level: list[Any] = [value]
    depth = 0
    while level:
        depth += 1
        if depth > BODY_DEPTH + 1:  # the leaves are a level of their own
            raise Problem(422, f"The JSON is nested deeper than {MAX_DEPTH} levels.")
        below: list[Any] = []
        for item in level:
            if isinstance(item, str):
                _check_text(item)
            elif isinstance(item, dict):
                for key in item:
                    _check_text(key)
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        level = below


def _check_text(text: str) -> None:
    if "\0" in text:
        raise Problem(422, "A text in the JSON holds \\u0000 (NUL), which Postgres cannot store.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Problem(422, "A text in the JSON holds half of a surrogate pair (\\ud800 to \\udfff).") from None
