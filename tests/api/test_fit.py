"""Text made to fit a schema, with schemas as pydantic makes them."""

import enum
from typing import Any, Literal

import pytest
from pydantic import BaseModel, create_model

from api.errors import Problem
from api.fit import fit


class Colour(enum.Enum):
    RED = "red"


class Inner(BaseModel):
    n: int


def payload(annotation: Any, *texts: str) -> Any:
    schema = create_model("Payload", value=(annotation, ...)).model_json_schema()
    return fit([("value", text) for text in texts], schema)["value"]


@pytest.mark.parametrize(
    ("annotation", "texts", "value"),
    [
        (str, ["5"], "5"),
        (int, ["5"], 5),
        (int, ["-5"], -5),
        (float, ["2"], 2),
        (float, ["2.5e1"], 25.0),
        (bool, ["true"], True),
        (bool, ["0"], False),
        (int | None, [""], None),
        (int | None, ["null"], None),
        (int | None, ["7"], 7),
        (str | None, ["null"], None),
        (int | str, ["7"], 7),
        (int | str, ["x"], "x"),
        (list[int], ["1", "2"], [1, 2]),
        (list[int], ["1"], [1]),
        (list[str], ["a", "b"], ["a", "b"]),
        (list[int], ["[1, 2]"], [1, 2]),
        (dict[str, int], ['{"a": 1}'], {"a": 1}),
        (Inner, ['{"n": 1}'], {"n": 1}),
        (Literal["a", "b"], ["a"], "a"),
        (Literal[1, 2], ["2"], 2),
        (Colour, ["red"], "red"),
        (Any, ["5"], "5"),
        (Any, ["5", "6"], ["5", "6"]),
    ],
)
def test_text_becomes_what_the_annotation_says(annotation: Any, texts: list[str], value: Any) -> None:
    made = payload(annotation, *texts)
    assert made == value
    assert type(made) is type(value)


@pytest.mark.parametrize(
    ("annotation", "texts"),
    [
        (int, ["x"]),
        (int, ["1.5"]),
        (int, ["1", "2"]),
        (float, ["nan"]),
        (float, ["inf"]),
        (float, ["1e999"]),
        (bool, ["maybe"]),
        (dict[str, int], ["{"]),
        (str, ["a\0b"]),
    ],
)
def test_what_does_not_fit_is_refused_by_name(annotation: Any, texts: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        payload(annotation, *texts)
    assert caught.value.status == 422
    assert "value" in caught.value.detail or "JSON" in caught.value.detail


def test_without_a_schema_text_stays_text() -> None:
    assert fit([("a", "1"), ("b", "x"), ("b", "y")], None) == {"a": "1", "b": ["x", "y"]}
    assert fit([("a", "1")], {"type": "object", "additionalProperties": True}) == {"a": "1"}
    assert fit([("a", "1")], {"type": "object", "additionalProperties": {"type": "integer"}}) == {"a": 1}
