"""The short ways of POST /api/tasks and /ws: through our own middlewares straight to the function, past FastAPI's.

FastAPI lays layers of its own around every request (telemetry, error pages, exit stacks, routers). None of them does
anything for these two. Around a POST they cost as much as all that it does itself; around a websocket they are frames
that stay in memory while it waits. Both stand among the other routes too, for requests under a prefix (`--root-path`).
"""

from collections.abc import Awaitable, Callable, Sequence

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

POST_PATH = "/api/tasks"
HUB_PATH = "/ws"


class ShortWays:
    """The two applications beside the framework's; `find` tells which one, if any, a request is for."""

    def __init__(
        self,
        post: Callable[[Request], Awaitable[Response]],
        post_layers: Sequence[Middleware],
        hub: Callable[[WebSocket], Awaitable[None]],
        hub_layers: Sequence[Middleware],
    ) -> None:
        async def call_post(scope: Scope, receive: Receive, send: Send) -> None:
            scope["endpoint"] = post
            response = await post(Request(scope, receive, send))
            await response(scope, receive, send)

        def call_hub(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            return hub(WebSocket(scope, receive, send))

        self._post = _within(post_layers, call_post)
        self._hub = _within(hub_layers, call_hub)

    def find(self, scope: Scope) -> ASGIApp | None:
        """Return the application for this request, None when the framework's routes have to look at it."""
        if scope["type"] == "http":
            return self._post if scope["path"] == POST_PATH and scope["method"] == "POST" else None
        return self._hub if scope["type"] == "websocket" and scope["path"] == HUB_PATH else None


def _within(layers: Sequence[Middleware], app: ASGIApp) -> ASGIApp:
    """Return these middlewares, the first outermost, around an application."""
    for layer in reversed(layers):
        app = layer.cls(app, *layer.args, **layer.kwargs)
    return app
