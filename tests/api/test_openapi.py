"""The OpenAPI document: complete, true to the routes, its examples sound enough to be pasted."""

from typing import Any

import httpx
import jsonschema_rs
import pytest

from api.openapi import METHODS
from api.schemas import NewTask
from tests.api.conftest import KEYS, Site


@pytest.fixture(scope="module")
def document(site: Site) -> dict[str, Any]:
    """The document as it is served."""
    document: dict[str, Any] = httpx.get(f"{site.base}/api/openapi.json", trust_env=False).json()
    return document


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS & item.keys()
    ]


def test_every_route_of_the_contract_is_there(document: dict[str, Any]) -> None:
    assert {(method, path) for method, path, _ in operations(document)} == {
        ("POST", "/api/tasks"), ("GET", "/api/tasks"), ("POST", "/api/tasks/batch"), ("GET", "/api/tasks/{id}"),
        ("GET", "/api/tasks/{id}/events"), ("GET", "/api/tasks/{id}/attempts"), ("POST", "/api/tasks/{id}/cancel"),
        ("POST", "/api/tasks/{id}/retry"), ("GET", "/api/queues"), ("PATCH", "/api/queues/{name}"),
        ("POST", "/api/queues/{name}/pause"), ("POST", "/api/queues/{name}/resume"), ("GET", "/api/task-types"),
        ("GET", "/api/new_task/"), ("POST", "/api/new_task/"), ("GET", "/api/"), ("GET", "/api/healthz"),
        ("GET", "/api/readyz"), ("GET", "/metrics"), ("POST", "/api/ws/authorize"),
    }  # fmt: skip


def test_operations_are_described_and_named_apart(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(document):
        assert operation["description"], (method, path)
        for status, answer in operation["responses"].items():
            if status >= "400" and path != "/api/readyz":
                assert list(answer["content"]) == ["application/problem+json"], (method, path, status)


def test_the_hot_route_is_described_as_it_is(document: dict[str, Any], shop: httpx.Client) -> None:
    described = document["paths"]["/api/tasks"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert described["properties"].keys() == NewTask.model_fields.keys()
    assert described["additionalProperties"] is False
    for sent in (
        {"task": "echo"}, {"task": "echo", "priority": 100}, {"task": "echo", "priority": 101}, {"task": 5}, {},
        {"task": "echo", "timeout": 0}, {"task": "echo", "x": 1}, {"task": "echo", "payload": []},
        {"task": "echo", "queue": None}, {"task": "echo", "max_attempts": 101}, {"task": "a/b"},
    ):  # fmt: skip
        answer = shop.post("/api/tasks", json=sent)
        assert (answer.status_code == 202) == jsonschema_rs.is_valid(described, sent), (sent, answer.text)
        conforms(document, "POST", "/api/tasks", answer)


def test_examples_work_when_pasted(document: dict[str, Any], site: Site) -> None:
    for method, path, operation in operations(document):
        if path == "/api/ws/authorize":
            continue  # wsify's alone
        with site.http("ops") as client:
            task_id = client.post("/api/tasks", json={"task": "echo"}).json()["id"]
            if path.endswith("retry"):
                client.post(f"/api/tasks/{task_id}/cancel").raise_for_status()
            address = path.replace("{id}", task_id).replace("{name}", "default")
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            assert not operation.get("requestBody") or "example" in body, (method, path)
            query = {}
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query" and isinstance(parameter.get("example"), dict):
                    query |= parameter["example"]
                elif parameter["in"] == "query" and "examples" in parameter.get("schema", {}):
                    query[parameter["name"]] = parameter["schema"]["examples"][0]
            with client.stream(method, address, json=body.get("example"), params=query) as answer:
                assert answer.status_code < 300, (method, path, answer.read())
                if "json" in answer.headers["content-type"]:
                    answer.read()
                    conforms(document, method, path, answer)


def test_refusals_are_described(document: dict[str, Any], site: Site) -> None:
    for method, path, _ in operations(document):
        if path in {"/api/", "/api/healthz", "/api/readyz", "/metrics", "/api/ws/authorize"}:
            continue
        address = path.replace("{id}", "01a20a89-a644-726c-8b8e-c00a373ecaa0").replace("{name}", "default")
        for key in ("nobody-s-key", KEYS["eyes"][1]):
            headers = {"Authorization": f"Bearer {key}"}
            with (
                httpx.Client(base_url=site.base, headers=headers, trust_env=False, verify=False) as client,
                client.stream(method, address) as answer,
            ):
                answer.read()
                conforms(document, method, path, answer)


def conforms(document: dict[str, Any], method: str, path: str, answer: httpx.Response) -> None:
    """Compare an answer with what the document says of it."""
    described = document["paths"][path][method.lower()]["responses"].get(str(answer.status_code))
    assert described is not None, f"{method} {path} answered {answer.status_code}, which is not described"
    schema = described["content"][answer.headers["content-type"]]["schema"]
    whole = {**schema, "components": document["components"]}
    problems = [error.message for error in jsonschema_rs.validator_for(whole).iter_errors(answer.json())]
    assert not problems, (method, path, problems)
