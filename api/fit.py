"""Query parameters made to fit the JSON Schema of a task's payload: text in, the annotated types out."""

import re
from typing import Any

from api.errors import Problem
from api.json_body import parse

Schema = dict[str, Any]
TRUE, FALSE = {"true", "1", "yes", "on"}, {"false", "0", "no", "off", ""}
INTEGER = re.compile(r"[+-]?\d{1,300}")
NUMBER = re.compile(r"[+-]?(\d{1,300}(\.\d{0,300})?|\.\d{1,300})([eE][+-]?\d{1,3})?")


class MisfitError(ValueError):
    """A text does not fit a schema."""


def fit(parameters: list[tuple[str, str]], schema: Schema | None) -> dict[str, Any]:
    """Return the payload that these query parameters mean. 422 names the first that does not fit.

    A name given several times becomes a list. What the schema does not tell stays text.
    """
    schema = schema or {}
    texts: dict[str, list[str]] = {}
    for name, text in parameters:
        texts.setdefault(name, []).append(text)
    return {name: _fit_one(name, given, _schema_of(name, schema), schema) for name, given in texts.items()}


def _schema_of(name: str, schema: Schema) -> Schema:
    found = schema.get("properties", {}).get(name)
    if found is None:
        found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else {}


def _fit_one(name: str, given: list[str], schema: Schema, root: Schema) -> Any:
    choices = _choices(schema, root)
    for text in (name, *given):
        if "\0" in text:
            raise Problem(422, f"{name!r}: a text may not hold NUL, which Postgres cannot store.")
    several = next((choice for choice in choices if choice.get("type") == "array"), None)
    try:
        if several is not None and not (len(given) == 1 and given[0].lstrip().startswith("[")):
            items = several.get("items")
            return [_fit_text(text, _choices(items if isinstance(items, dict) else {}, root)) for text in given]
        if len(given) == 1:
            return _fit_text(given[0], choices)
    except MisfitError as misfit:
        raise Problem(422, f"{name}: {misfit}.", errors=[{"detail": str(misfit), "parameter": name}]) from None
    if all(choice.get("type") or _kind_of_values(choice) for choice in choices):
        raise Problem(422, f"{name}: is given {len(given)} times and takes one value.")
    return given


def _choices(schema: Schema, root: Schema) -> list[Schema]:
    """Return what a value may be, each as a schema with one type; references followed."""
    for _ in range(10):  # a schema of a task is never that deep; one that refers to itself would be
        if "$ref" not in schema:
            break
        schema = root.get("$defs", {}).get(str(schema["$ref"]).rsplit("/", 1)[-1], {})
    parts = schema.get("anyOf") or schema.get("oneOf")
    if parts:
        return [choice for part in parts for choice in _choices(part, root)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _fit_text(text: str, choices: list[Schema]) -> Any:
    """Return the text as the first of these that it can be; text itself comes last."""
    kinds = [choice.get("type") or _kind_of_values(choice) for choice in choices]
    if "null" in kinds and text in {"", "null"}:
        return None
    for kind, convert in CONVERTERS.items():
        if kind in kinds:
            value = convert(text)
            if value is not None:
                return value
    if "string" in kinds or None in kinds:
        return text
    wanted = " or ".join(str(kind) for kind in kinds if kind != "null")
    raise MisfitError(f"{text[:80]!r} is not a valid {wanted}")


def _kind_of_values(schema: Schema) -> str | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if values and all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return "integer"
    return "string" if values else None


def _integer(text: str) -> int | None:
    return int(text) if INTEGER.fullmatch(text.strip()) else None


def _number(text: str) -> int | float | None:
    if (whole := _integer(text)) is not None:
        return whole
    number = float(text) if NUMBER.fullmatch(text.strip()) else None
    return number if number is not None and abs(number) != float("inf") else None


def _boolean(text: str) -> bool | None:
    lowered = text.strip().lower()
    return True if lowered in TRUE else False if lowered in FALSE else None


def _object(text: str) -> dict[str, Any] | None:
    value = _json(text, "{")
    return value if isinstance(value, dict) else None


def _array(text: str) -> list[Any] | None:
    value = _json(text, "[")
    return value if isinstance(value, list) else None


def _json(text: str, begin: str) -> Any:
    return parse(text.encode("utf-8", "surrogatepass")) if text.lstrip().startswith(begin) else None


CONVERTERS = {"integer": _integer, "number": _number, "boolean": _boolean, "object": _object, "array": _array}
