"""Makes a form out of a task's JSON Schema, and a payload out of the filled form."""

import json
from typing import Any

from django import forms

from admin_site.queue_admin.masking import SECRET_NAME

PREFIX = "payload-"  # keeps a task's own parameters apart from queue, priority and the like
MORE = "more"  # the field for keys that the schema doesn't name
LONG_TEXT = {"text", "body", "message", "content", "html", "sql", "description"}


class PayloadForm(forms.Form):
    """The parameters of one task."""

    def __init__(self, schema: dict[str, Any], data: Any = None) -> None:
        super().__init__(data, prefix=None)
        self._schema = schema
        required = set(schema.get("required", []))
        # jsonb keeps no order: what must be filled comes first.
        for name, part in sorted(schema.get("properties", {}).items(), key=lambda item: item[0] not in required):
            self.fields[PREFIX + name] = _field(name, resolve(part, schema), required=name in required)
        if self._is_open:
            self.fields[PREFIX + MORE] = JsonObjectField(
                label="Payload" if not self.fields else "Further keys",
                required=False,
                widget=forms.Textarea(attrs={"rows": 8 if not self.fields else 3, "class": "tb-code"}),
                help_text="A JSON object.",
                initial="{}" if not self.fields else "",
            )

    @property
    def _is_open(self) -> bool:
        """Whether keys may come that the schema doesn't name."""
        return self._schema.get("additionalProperties", not self._schema.get("properties")) is not False

    @property
    def payload(self) -> dict[str, Any]:
        """The filled form as a payload; what was left empty is left out, so that the task's defaults hold."""
        payload: dict[str, Any] = dict(self.cleaned_data.get(PREFIX + MORE) or {})
        for name, part in self._schema.get("properties", {}).items():
            value = self.cleaned_data.get(PREFIX + name)
            if value is None or (value == "" and name not in self._schema.get("required", [])):
                continue
            payload[name] = int(value) if _kind(resolve(part, self._schema)) == "integer" else value
        return payload


class JsonField(forms.CharField):
    """Any JSON value."""

    def clean(self, value: Any) -> Any:
        """Parse it. Numbers that JSON lacks (NaN, Infinity) are refused here rather than by the database."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return json.loads(text, parse_constant=_refuse)
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}.") from None


class JsonObjectField(JsonField):
    """A JSON object."""

    def clean(self, value: Any) -> Any:
        """Parse it and see that it is an object."""
        parsed = super().clean(value)
        if parsed is not None and not isinstance(parsed, dict):
            raise forms.ValidationError('This must be a JSON object, like {"seconds": 3}.')
        return parsed


def resolve(part: Any, schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a $ref into $defs, and take `anything | null` for `anything`, not required."""
    if not isinstance(part, dict):
        return {}
    if isinstance(reference := part.get("$ref"), str):
        found = schema.get("$defs", {}).get(reference.rsplit("/", 1)[-1], {})
        return {**found, **{key: value for key, value in part.items() if key != "$ref"}}
    choices = [choice for choice in part.get("anyOf", []) if choice.get("type") != "null"]
    if len(choices) == 1:
        return {**resolve(choices[0], schema), **{key: value for key, value in part.items() if key != "anyOf"}}
    return part


def _kind(part: dict[str, Any]) -> str:
    if "enum" in part:
        return "enum"
    kind = part.get("type")
    return kind if isinstance(kind, str) and kind in {"string", "integer", "number", "boolean"} else "json"


def _field(name: str, part: dict[str, Any], *, required: bool) -> forms.Field:
    common: dict[str, Any] = {"label": name, "required": required, "help_text": _help(part)}
    match _kind(part):
        case "enum":
            choices = [(str(value), str(value)) for value in part["enum"]]
            convert = {str(value): value for value in part["enum"]}
            empty = [] if required else [("", "(default)")]
            return forms.TypedChoiceField(choices=empty + choices, coerce=convert.get, empty_value=None, **common)
        case "boolean":
            answers = [("", "(default)"), ("true", "yes"), ("false", "no")]
            return forms.TypedChoiceField(choices=answers, coerce=lambda v: v == "true", empty_value=None, **common)
        case "integer":
            return forms.IntegerField(min_value=part.get("minimum"), max_value=part.get("maximum"), **common)
        case "number":
            return forms.FloatField(min_value=part.get("minimum"), max_value=part.get("maximum"), **common)
        case "string":
            bounds: dict[str, Any] = {"min_length": part.get("minLength"), "max_length": part.get("maxLength")}
            return forms.CharField(strip=False, widget=_text_widget(name), **bounds, **common)
        case _:
            return JsonField(widget=forms.Textarea(attrs={"rows": 4, "class": "tb-code"}), **common)


def _text_widget(name: str) -> forms.Widget:
    if SECRET_NAME.search(name):
        return forms.PasswordInput(attrs={"autocomplete": "new-password"})
    return forms.Textarea(attrs={"rows": 4}) if name in LONG_TEXT else forms.TextInput()


def _help(part: dict[str, Any]) -> str:
    described = part.get("description") or ("JSON" if _kind(part) == "json" else "")
    default = f"default {json.dumps(part['default'], ensure_ascii=False)}" if part.get("default") is not None else ""
    return "; ".join(filter(None, (described, default)))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")
