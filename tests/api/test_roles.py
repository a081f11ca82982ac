"""The table of docs/reference/routes.md, walked: every route as every caller."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.openapi import METHODS
from tests.api.conftest import KEYS, Site

TABLE = Path(__file__).parents[2] / "docs/reference/routes.md"
CALLERS = [
    "nobody", "bad key", "producer", "producer, another's task", "reader", "operator",
    "token", "view token", "another task's token",
]  # fmt: skip
BODIES: dict[str, Any] = {
    "POST /api/tasks": {"task": "echo"},
    "POST /api/tasks/batch": [{"task": "echo"}],
    "PATCH /api/queues/{name}": {"concurrency": 2},
}
ANOTHER_TASK = {"POST /api/tasks": {"task": "secret"}}


def rows() -> list[list[str]]:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")]
    header = next(index for index, line in enumerate(lines) if line.startswith("| route |"))
    table = []
    for line in lines[header:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(CALLERS) + 1:
            table.append(cells)
    return table


CELLS = [
    pytest.param(row[0].strip("`"), caller, cell, id=f"{row[0].strip('`')} as {caller}")
    for row in rows()[2:]
    for caller, cell in zip(CALLERS, row[1:], strict=True)
    if cell != "–"  # noqa: RUF001 - as the page has it
]


def test_the_table_names_these_callers_and_every_route(site: Site) -> None:
    assert rows()[0] == ["route", *CALLERS]
    document = httpx.get(f"{site.base}/api/openapi.json", trust_env=False).json()
    routes = {
        f"{method.upper()} {path}" for path, item in document["paths"].items() for method in METHODS & item.keys()
    }
    assert {row[0].strip("`") for row in rows()[2:]} == routes - {"POST /api/ws/authorize"}


@pytest.mark.parametrize(("route", "caller", "cell"), CELLS)
def test_every_route_as_every_caller(site: Site, route: str, caller: str, cell: str) -> None:
    path = route.partition(" ")[2]
    task = target(site, finished=path.endswith("retry"))
    status, body = ask(site, route, caller, task)
    if cell == "public":
        assert status < 300, body
        if path != "/api/task-types":
            assert ask(site, route, caller, task, secret=True)[0] == 401
        else:
            assert {kind["name"] for kind in body["task_types"]} == {"echo", "sleep", "wordcount"}
    elif cell in {"yes", "own"}:
        assert status < 300 or (path == "/api/readyz" and status == 503), body
        if cell == "own":
            assert {shown["id"] for shown in body["tasks"]} <= own_ids(site)
    else:
        assert status == int(cell), body
        assert body["status"] == int(cell)
        assert re.match(r".+\.", body["detail"])
        assert task["id"] not in body["detail"]


@pytest.mark.parametrize("caller", CALLERS)
def test_unknown_ids_tell_nothing_without_a_key(site: Site, caller: str) -> None:
    for unknown in ("01a20a89-a644-726c-8b8e-c00a373ecaa0", "nonsense", "a" * 300):
        task = target(site)
        status, _ = ask(site, "GET /api/tasks/{id}", caller, {**task, "id": unknown})
        if caller in {"nobody", "bad key"}:
            assert status == 401
        elif "token" in caller:
            assert status == 403
        else:
            assert status == 404


def target(site: Site, *, finished: bool = False) -> dict[str, Any]:
    """Make a task of shop's, and know its tokens and another's."""
    with site.http("shop") as shop, site.http("eyes") as eyes, site.http() as anyone:
        task: dict[str, Any] = shop.post("/api/tasks", json={"task": "echo", "payload": {"of": "shop"}}).json()
        if finished:
            shop.post(f"/api/tasks/{task['id']}/cancel").raise_for_status()
        task["view token"] = eyes.get(f"/api/tasks/{task['id']}").json()["token"]
        task["another task's token"] = anyone.post("/api/tasks", json={"task": "echo"}).json()["token"]
    return task


def ask(site: Site, route: str, caller: str, task: dict[str, Any], *, secret: bool = False) -> tuple[int, Any]:
    method, _, path = route.partition(" ")
    names = {"producer": "shop", "producer, another's task": "mill", "reader": "eyes", "operator": "ops"}
    headers = {
        "nobody": {},
        "bad key": {"Authorization": "Bearer nobody-s-key"},
        "token": {"X-Task-Token": task["token"]},
    }.get(caller, {"X-Task-Token": task.get(caller, "")})
    if caller in names:
        headers = {"Authorization": f"Bearer {KEYS[names[caller]][1]}"}
    address = path.replace("{id}", task["id"]).replace("{name}", "default")
    bodies = ANOTHER_TASK if secret else BODIES
    query = {"task": "secret"} if secret and "new_task" in path else {}
    with (
        site.http() as client,
        client.stream(method, address, params=query, json=bodies.get(route), headers=headers) as response,
    ):
        if response.headers["content-type"].startswith("text/event-stream"):
            return response.status_code, None
        response.read()
        is_json = "json" in response.headers["content-type"]
        return response.status_code, response.json() if is_json else None


def own_ids(site: Site) -> set[str]:
    query = "select id::text from taskbell.tasks where enqueued_by = 'key:shop'"
    return {row[0] for row in site.database.connect().execute(query)}
