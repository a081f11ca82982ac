"""What this is, and its documentation, served from here alone."""

from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from api.errors import Problem
from api.openapi import document
from db.settings import Settings

router = APIRouter(tags=["about"])

ASSETS = Path(str(files("drf_spectacular_sidecar"))) / "static/drf_spectacular_sidecar/swagger-ui-dist"
SERVED = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "favicon-32x32.png": "image/png"}
LOOPBACK = {"localhost", "127.0.0.1"}
A_DAY = "public, max-age=86400"
# Swagger UI sets style attributes and shows data: images; scripts come from us alone.
DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DOCS_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Taskbell API</title>
<link rel="icon" type="image/png" href="/api/docs/favicon-32x32.png">
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"""
DOCS_START = """SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  tryItOutEnabled: true,
  validatorUrl: null,
});
"""


class About(BaseModel):
    """Name, version and links."""

    name: str
    version: str
    links: dict[str, str]


@router.get("/api/", response_model=About)
async def about(request: Request) -> Response:
    """Say what this is and where everything stands."""
    return JSONResponse({"name": request.app.title, "version": request.app.version, "links": _links(request)})


@router.get("/api/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """Return the OpenAPI document."""
    return JSONResponse(document(request.app), headers={"Cache-Control": "no-cache"})


@router.get("/api/docs", include_in_schema=False)
async def docs() -> Response:
    """Return the page of Swagger UI."""
    headers = {"Content-Security-Policy": DOCS_POLICY, "Cache-Control": "no-cache"}
    return Response(DOCS_PAGE, media_type="text/html", headers=headers)


@router.get("/api/docs/{name}", include_in_schema=False)
async def docs_file(name: str) -> Response:
    """Return one of Swagger UI's files."""
    if name == "start.js":
        return Response(DOCS_START, media_type="text/javascript", headers={"Cache-Control": A_DAY})
    if name not in SERVED:
        raise Problem(404, "There is nothing at this address.")
    return FileResponse(ASSETS / name, media_type=SERVED[name], headers={"Cache-Control": A_DAY})


def _links(request: Request) -> dict[str, Any]:
    settings = request.app.state.settings
    origin = f"{'wss' if settings.public_url.startswith('https:') else 'ws'}://{request.headers.get('host', '')}"
    return {
        "page": "/",
        "docs": "/api/docs",
        "openapi": "/api/openapi.json",
        "tasks": "/api/tasks",
        "task_types": "/api/task-types",
        "ready": "/api/readyz",
        "admin": _admin(settings),
        "websocket": settings.websocket_url or f"{origin}/ws",
    }


def _admin(settings: Settings) -> str:
    """On the machine itself the admin has a port of its own; elsewhere the router leads to it."""
    url = urlsplit(settings.public_url)
    if url.hostname in LOOPBACK:
        return f"{url.scheme}://{url.hostname}:{settings.admin_port}/admin/"
    return f"{settings.public_url.rstrip('/')}/admin/"
