import json
from typing import Any
from uuid import uuid4

import httpx

from db import settings
from worker import Fail, task

MOST_BYTES = 1024 * 1024  # of an answer
CALL_WITHIN = httpx.Timeout(60.0, connect=10.0)  # seconds without a byte; the task's own timeout bounds the whole
PORTS = {"http": 80, "https": 443}
INTERNAL_ERROR = -32603
SERVER_ERRORS = range(-32099, -31999)  # "reserved for implementation-defined server-errors"


class JsonRpcError(Fail):
    """The server answered with an error."""


class JsonRpcServerError(Exception):
    """The server says that it failed, which another attempt may not."""


@task
async def jsonrpc(url: str, method: str, params: list[Any] | dict[str, Any] | None = None) -> Any:
    """Call a JSON-RPC 2.0 method over HTTP, on a `host:port` that JSONRPC_ALLOW names; its result is the result."""
    target = _allowed(url)
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": str(uuid4()), "method": method}
    if params is not None:
        call["params"] = params
    async with (
        httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=CALL_WITHIN) as client,
        client.stream("POST", target, json=call, headers={"Accept": "application/json"}) as response,
    ):
        answer = await _read(response)
    return _result(answer, call["id"])


def _allowed(url: str) -> httpx.URL:
    try:
        target = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Fail(f"{url!r} is not a URL: {error}") from None
    if target.scheme not in PORTS or not target.host:
        raise Fail(f"{url!r} is not an http:// or https:// URL")
    host = f"[{target.host}]" if ":" in target.host else target.host
    address = f"{host}:{target.port or PORTS[target.scheme]}".lower()
    allowed = {one.lower() for one in settings.load().jsonrpc_allow}
    if address not in allowed:
        raise Fail(f"{address} may not be called: JSONRPC_ALLOW names {', '.join(sorted(allowed)) or 'nothing'}")
    return target


async def _read(response: httpx.Response) -> Any:
    if response.is_redirect:
        raise Fail(f"the server redirects to {response.headers.get('location', '?')}; redirects are not followed")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Fail(f"the answer has more than {MOST_BYTES:,} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        if response.is_server_error:
            raise JsonRpcServerError(f"the server answered {response.status_code} {response.reason_phrase}") from None
        raise Fail(f"the server answered {response.status_code} with something that is not JSON") from None


def _result(answer: Any, call_id: str) -> Any:
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        raise Fail("the answer is not JSON-RPC 2.0")
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        message = f"{code}: {error.get('message')}"
        if code == INTERNAL_ERROR or code in SERVER_ERRORS:
            raise JsonRpcServerError(message)
        raise JsonRpcError(message)
    if "result" not in answer:
        raise Fail("the answer has neither a result nor an error")
    if answer.get("id") != call_id:
        raise Fail("the answer belongs to another call: its id differs")
    return answer["result"]
