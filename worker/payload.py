"""A task's payload: checked against the annotations of its function, and described as JSON Schema."""

import inspect
from collections.abc import Callable
from typing import Any, NotRequired, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypedDict

from worker.outcome import Fail

CONTEXT = "ctx"  # a first parameter of this name is the run's context, not part of the payload


class BadPayload(Fail):
    """The payload does not fit the task's parameters."""


class Payload:
    """The payload that a function takes: each parameter is a key."""

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = list(inspect.signature(function).parameters.values())
        self.wants_context = bool(parameters) and parameters[0].name == CONTEXT
        parameters = parameters[self.wants_context :]
        hints = _hints(function)
        self._defaults: dict[str, Any] = {}
        self._rest: TypeAdapter[dict[str, Any]] | None = None
        fields: dict[str, Any] = {}
        self._open = False
        for one in parameters:
            annotation = hints.get(one.name, Any)
            if one.kind is one.VAR_KEYWORD:
                self._open = True
                self._rest = None if annotation is Any else _adapter(_dict_of(annotation), one.name)
            elif one.kind in (one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
                raise TypeError(f"parameter {one.name!r} can't be a payload key: it takes no name")
            else:
                if one.default is not one.empty:
                    self._defaults[one.name] = one.default
                    annotation = NotRequired[annotation]
                fields[one.name] = annotation
        make: Any = TypedDict  # while running, which type checkers don't do
        shape = make(function.__name__, fields)
        shape.__pydantic_config__ = ConfigDict(extra="allow" if self._open else "forbid")
        self._fields = frozenset(fields)
        self._shape = _adapter(shape, function.__name__)
        self._check = self._shape.validator.validate_json

    def arguments(self, text: str) -> dict[str, Any]:
        """Return the keyword arguments that a payload (JSON text) stands for. `BadPayload` when it does not fit."""
        try:
            values: dict[str, Any] = self._check(text)
            if self._rest is not None:
                rest = {key: value for key, value in values.items() if key not in self._fields}
                values |= self._rest.validate_python(rest)
        except ValidationError as error:
            raise BadPayload(f"the payload does not fit: {_sentence(error)}") from None
        return values

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the payload, defaults included."""
        schema = self._shape.json_schema()
        for name, default in self._defaults.items():
            try:
                schema["properties"][name]["default"] = to_jsonable_python(default)
            except PydanticSerializationError:
                continue  # a default that JSON can't say is known to the function alone
        if self._rest is not None:
            rest = self._rest.json_schema()
            schema["additionalProperties"] = rest.get("additionalProperties", True)
            schema |= {"$defs": schema.get("$defs", {}) | rest["$defs"]} if "$defs" in rest else {}
        return schema


def _dict_of(annotation: Any) -> Any:
    return dict.__class_getitem__((str, annotation))


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise TypeError(f"an annotation can't be read: {error}") from None


def _adapter(kind: Any, name: str) -> TypeAdapter[dict[str, Any]]:
    try:
        return TypeAdapter(kind)
    except (PydanticSchemaGenerationError, PydanticUserError) as error:
        reason = str(error).splitlines()[0]
        raise TypeError(f"an annotation of {name!r} can't be checked by pydantic: {reason}") from None


def _sentence(error: ValidationError) -> str:
    parts = []
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        where = ".".join(str(step) for step in one["loc"])
        parts.append(f"{where}: {one['msg']}" if where else one["msg"])
    return "; ".join(parts)
