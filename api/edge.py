"""The edge of the API: hosts, security headers, figures, and the answer to whatever went wrong inside."""

import time
from http import HTTPStatus
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem, of_exception
from api.headers import header
from api.limits import refuse_body
from api.metrics import Metrics
from db.settings import Settings

CORS_METHODS = ("GET", "POST", "PATCH")
CORS_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "Prefer", "X-Task-Token")
CORS_EXPOSED = ("Link", "Location", "Preference-Applied", "Retry-After")
API_POLICY = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICY_HEADER = b"content-security-policy"
VARY = (b"vary", b"Origin")
A_YEAR = 365 * 24 * 3600  # seconds
PROBES = frozenset({"/api/healthz", "/api/readyz", "/metrics"})
CLIENT_GONE = 499  # nginx's number for it; nobody reads this answer


class Headed:
    """Outermost: security headers on every answer, and a count of it."""

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }
        if settings.public_url.startswith("https:"):
            headers["Strict-Transport-Security"] = f"max-age={A_YEAR}"
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        self.api_headers = [*self.headers, (POLICY_HEADER, API_POLICY)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, adding headers as the answer starts."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), CLIENT_GONE
        self.metrics.began()

        async def send_headed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                has_policy = any(name == POLICY_HEADER for name, _ in given)
                message["headers"] = [*given, *(self.headers if has_policy else self.api_headers)]
            await send(message)

        try:
            await self.app(scope, receive, send_headed)
        finally:
            self.metrics.done(scope, status, time.perf_counter() - began)


class KnownHost:
    """Refuses requests for host names that are not ours: a foreign one is a page's trick (DNS rebinding).

    A balancer that asks how we are, and Prometheus, know but our address. That trick needs a name of the page's own: it
    cannot be done with an address, nor without a Host.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what asks for one of our names."""
        if scope["type"] in {"http", "websocket"}:
            host = header(scope, b"host") or ""
            if host_name(host) not in self.hosts and not (scope["path"] in PROBES and is_no_name(host)):
                problem = Problem(
                    400, f"This server does not answer as {host[:100]!r}; PUBLIC_URL says as what it does."
                )
                if scope["type"] == "websocket":
                    await send({"type": "websocket.close", "code": 1008, "reason": "unknown host"})
                    return
                await problem.response()(scope, receive, send)
                return
        await self.app(scope, receive, send)


def host_name(host: str) -> str:
    """Return a Host header's name in lower case, without its port."""
    end = host.find("]") + 1
    return (host[:end] if end else host.partition(":")[0]).lower().removesuffix(".")


def is_no_name(host: str) -> bool:
    """Tell whether a Host header is absent or an address."""
    try:
        return not host or bool(ip_address(host_name(host).strip("[]")))
    except ValueError:
        return False


class Cors(CORSMiddleware):
    """Lets the pages of ALLOWED_ORIGINS call us; a refused preflight is a problem like every error."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(app, origins, CORS_METHODS, CORS_HEADERS, expose_headers=CORS_EXPOSED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; what comes from no page gets the one header that it needs without the rest of the work."""
        if scope["type"] != "http" or header(scope, b"origin") is not None:
            await super().__call__(scope, receive, send)
            return

        async def send_varying(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), VARY]
            await send(message)

        await self.app(scope, receive, send_varying)

    def preflight_response(self, request_headers: Headers) -> Response:
        """Answer what a browser asks before the request itself."""
        response = super().preflight_response(request_headers)
        if response.status_code < 400:  # noqa: PLR2004 - errors begin there
            return response
        return Problem(403, "Pages of this origin may not make such a request; see ALLOWED_ORIGINS.").response()


class Answered:
    """Turns every exception into a problem; what has begun to be answered can only be cut off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; answer what is raised."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched_send(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except ClientDisconnect:
            return
        except Exception as error:
            problem = of_exception(error)
            if started:
                raise
            if problem.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                await refuse_body(problem, scope, receive, send)
            else:
                await problem.response()(scope, receive, send)
