"""The text of the generated reference pages."""

from collections.abc import Iterable
from typing import Any

from pydantic_core import PydanticUndefined

from db.catalogue import Function, Relation
from db.settings import Settings

GENERATED = "<!-- written by `make docs`; change what it is made from instead -->\n"
AUDIENCES = {
    "For producers": {"taskbell_producer"},
    "For readers": {"taskbell_reader"},
    "For operators": {"taskbell_operator"},
    "For the API and the admin": {"taskbell_service"},
    "For Taskbell's own worker (not yet a public interface)": {"taskbell_worker"},
}


def settings_page(settings: type[Settings]) -> str:
    """Return a table of all settings."""
    lines = [GENERATED, "# Settings\n", "Read from the environment, else from `.env`. Empty counts as not set.\n"]
    lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in settings.model_fields.items():
        default = "" if field.default in (PydanticUndefined, "", ()) else _plain(field.default)
        meaning = (field.description or "").replace("|", "\\|")
        lines.append(f"| `{name.upper()}` | {f'`{default}`' if default else ''} | {meaning} |")
    return "\n".join(lines) + "\n"


def sql_page(functions: list[Function], relations: list[Relation], roles: list[tuple[str, str | None]]) -> str:
    """Return every function, view and role with its comment; who may use it orders them."""
    lines = [GENERATED, "# SQL (schema `taskbell`)\n", "The same text as `\\df+ taskbell.*` and `\\d+ taskbell.*`.\n"]
    lines += ["## Roles\n", "| role | may |", "| --- | --- |", *(f"| `{name}` | {text} |" for name, text in roles), ""]
    left = {function.name: function for function in functions}
    for title, audience in AUDIENCES.items():
        chosen = [function for function in left.values() if audience & set(function.roles)]
        if chosen:
            lines += [f"## {title}\n", *(_function(left.pop(function.name)) for function in chosen)]
    lines += ["## Views\n"]
    for relation in relations:
        if relation.kind == "view":
            lines.append(_view(relation))
    private = ", ".join(f"`{name}`" for name in left)
    lines += ["## Inside\n", f"Functions that only these functions call, open to no role: {private}.\n"]
    tables = [relation for relation in relations if relation.kind == "table"]
    lines += ["Tables, open to no role:\n", *(f"- `{table.name}`: {table.comment}" for table in tables), ""]
    return "\n".join(lines)


def http_page(openapi: dict[str, Any]) -> str:
    """Return a table of the routes; `/api/docs` of a running API has their bodies and answers."""
    lines = [GENERATED, "# HTTP\n", "A running API has all of it, to try out, at `/api/docs`.\n"]
    lines += ["| route | does | answers |", "| --- | --- | --- |"]
    for path, methods in openapi["paths"].items():
        for method, route in methods.items():
            says = (route.get("description") or route.get("summary", "")).split("\n")[0]
            answers = ", ".join(sorted(route.get("responses", {})))
            lines.append(f"| `{method.upper()} {path}` | {says} | {answers} |")
    return "\n".join(lines) + "\n"


def _function(function: Function) -> str:
    result = f" returns {function.result}"
    who = ", ".join(role.removeprefix("taskbell_") for role in function.roles)
    call = f"taskbell.{function.name}({function.arguments}){result}"
    return f"### {function.name}\n\n```sql\n{call}\n```\n\nRoles: {who}.\n\n{_prose(function.comment)}\n"


def _view(view: Relation) -> str:
    rows = [f"| `{column.name}` | {column.type} | {column.comment or ''} |" for column in view.columns]
    who = ", ".join(role.removeprefix("taskbell_") for role in view.roles) or "none"
    table = "\n".join(["| column | type | |", "| --- | --- | --- |", *rows])
    return f"### {view.name}\n\nRoles: {who}.\n\n{_prose(view.comment)}\n\n{table}\n"


def _prose(comment: str | None) -> str:
    return (comment or "(no comment)").strip()


def _plain(value: object) -> str:
    values: Iterable[object] = value if isinstance(value, tuple) else (value,)
    return ",".join(str(one) for one in values)
