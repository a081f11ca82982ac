"""Forms out of JSON Schemas, payloads out of filled forms."""

from typing import Any

import pytest
from django.conf import settings

if not settings.configured:
    settings.configure(USE_I18N=False)

from django import forms

from admin_site.queue_admin.schema_form import PayloadForm

MAIL = {
    "properties": {
        "to": {"type": "string"},
        "copies": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}], "default": None},
        "ratio": {"type": "number"},
        "urgent": {"type": "boolean", "default": False},
        "kind": {"enum": ["a", 2]},
        "place": {"$ref": "#/$defs/Place"},
        "api_key": {"type": "string"},
    },
    "required": ["to"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"city": {"type": "string"}}}},
}


def filled(schema: dict[str, Any], **values: str) -> PayloadForm:
    return PayloadForm(schema, {f"payload-{name}": value for name, value in values.items()})


def payload(schema: dict[str, Any], **values: str) -> dict[str, Any]:
    form = filled(schema, **values)
    assert form.is_valid(), form.errors
    return form.payload


def test_each_type_becomes_itself() -> None:
    made = payload(
        MAIL, to="ada", copies="2", ratio="0.5", urgent="true", kind="2", place='{"city": "Ulm"}', api_key="k"
    )
    assert made == {
        "to": "ada", "copies": 2, "ratio": 0.5, "urgent": True, "kind": 2, "place": {"city": "Ulm"}, "api_key": "k",
    }  # fmt: skip


def test_what_is_left_empty_is_left_to_the_tasks_defaults() -> None:
    assert payload(MAIL, to=" ada ") == {"to": " ada "}


def test_no_is_not_the_same_as_nothing() -> None:
    assert payload(MAIL, to="ada", urgent="false") == {"to": "ada", "urgent": False}


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": ""},
        {"to": "a", "copies": "0"},
        {"to": "a", "copies": "x"},
        {"to": "a", "place": "{"},
        {"to": "a", "kind": "b"},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, str]) -> None:
    assert not filled(MAIL, **wrong).is_valid()


def test_a_task_that_takes_anything_has_a_field_for_json() -> None:
    anything = {"type": "object", "additionalProperties": True}
    assert payload(anything, more='{"x": [1, 2]}') == {"x": [1, 2]}
    assert payload(anything, more="") == {}
    for wrong in ("[1]", "nonsense", '{"x": NaN}'):
        assert not filled(anything, more=wrong).is_valid()


def test_what_must_be_filled_comes_first_and_secrets_are_not_shown_while_typing() -> None:
    form = PayloadForm({**MAIL, "properties": {"a": {"type": "string"}, **MAIL["properties"]}})  # type: ignore[dict-item]  # MAIL's values are objects
    assert next(iter(form.fields)) == "payload-to"
    assert isinstance(form.fields["payload-api_key"].widget, forms.PasswordInput)
