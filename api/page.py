"""The page of frontend/, for when no nginx stands before the API, and the 404 of everything else."""

from pathlib import Path
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from db.settings import ROOT, Settings

FRONTEND = Path(ROOT) / "frontend"
OURS = ("/api", "/ws", "/metrics")  # never looked up among the files
FOR_READING = ("GET", "HEAD")
WITHOUT_SLASH = ("/api", "/api/new_task")  # as people type them
SHOWN = {"", ".html", ".css", ".js", ".mjs", ".svg", ".png", ".ico", ".webmanifest", ".woff2", ".txt"}


class Page:
    """ASGI app: the static files. They are asked for anew each time and answered 304 while unchanged."""

    def __init__(self, settings: Settings) -> None:
        self._files = StaticFiles(directory=FRONTEND, html=True, check_dir=False)
        self._policy = policy(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from frontend/ or with 404."""
        path = scope["path"]
        if path in WITHOUT_SLASH:
            query = scope["query_string"].decode("latin-1")
            await RedirectResponse(f"{path}/{'?' if query else ''}{query}", 308)(scope, receive, send)
            return
        if scope["type"] == "websocket" or path.startswith(OURS) or not _is_shown(path):
            raise HTTPException(404)
        file = self._files.get_path(scope)
        if scope["method"] not in FOR_READING:
            await self._files.get_response(file, {**scope, "method": "GET"})  # 404 where GET says so; else 405
        response: Response = await self._files.get_response(file, scope)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["Content-Security-Policy"] = self._policy
        await response(scope, receive, send)


def policy(settings: Settings) -> str:
    """Return the page's Content-Security-Policy: its own files, and the websocket where the settings put it."""
    sources = ["'self'"]
    for url in (settings.websocket_url, settings.public_url.replace("http", "ws", 1)):
        if url:
            parts = urlsplit(url)
            sources.append(f"{parts.scheme}://{parts.netloc}")
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src {' '.join(dict.fromkeys(sources))}; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


def _is_shown(path: str) -> bool:
    parts = path.split("/")
    return Path(parts[-1]).suffix in SHOWN and not any(part.startswith(".") for part in parts)
