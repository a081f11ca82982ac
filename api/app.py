"""The API's application: `uvicorn api.app:app`.

It starts, and answers, whether the database is there or not; what needs the database gets 503 until it is.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from api.auth import Keyring
from api.edge import Answered, Cors, Headed, KnownHost
from api.errors import answer_exception
from api.garbage import spare_the_collector
from api.gather import Gatherer
from api.known import KnownTasks
from api.limits import BodyLimit
from api.live import hub
from api.live import routes as live
from api.live.relay_wsify import Relay
from api.metrics import Metrics
from api.openapi import document
from api.page import Page
from api.routes import health, meta, new_task, queues, short_door, task_types, tasks
from api.short_way import HUB_PATH, POST_PATH, ShortWays
from api.stopping import hear_stop
from api.watch import Watcher
from db import logs
from db.client import Client
from db.listen import Listener
from db.pool import open_pool
from db.presence import Presence
from db.settings import Settings, load

NAME = "taskbell"
POOL_MIN, POOL_MAX = 2, 10  # connections; gathered enqueues need few, and Postgres has some hundred for everybody


class Application(FastAPI):
    """FastAPI with routes that it knows nothing of: they stand in its document too, and two have a way of their own."""

    ways: ShortWays

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        way = self.ways.find(scope)
        if way is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await way(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return document(self)


def create_app(settings: Settings) -> FastAPI:
    """Return the application for these settings."""
    metrics = Metrics({new_task.create_task: POST_PATH})
    known_host = Middleware(KnownHost, hosts=settings.allowed_hosts)
    edge = [
        Middleware(Headed, settings=settings, metrics=metrics),
        known_host,
        Middleware(Cors, origins=settings.allowed_origins),
        Middleware(Answered),
        Middleware(BodyLimit),
    ]
    app = Application(
        title=NAME,
        summary="A task queue in Postgres that rings.",
        version=_version(),
        lifespan=_lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=edge,
        exception_handlers={HTTPException: answer_exception, RequestValidationError: answer_exception},
    )
    app.ways = ShortWays(new_task.create_task, edge, hub.websocket_route, [known_host])  # the others pass websockets on
    app.state.settings = settings
    app.state.metrics = metrics
    app.state.keyring = Keyring(settings.api_keys)
    app.router.routes.append(Route(POST_PATH, new_task.create_task, methods=["POST"], include_in_schema=False))
    for part in (tasks, live, queues, task_types, short_door, health, meta):
        app.router.routes.extend(part.router.routes)
    app.router.routes.append(WebSocketRoute(HUB_PATH, hub.websocket_route))
    app.router.default = Page(settings)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what the requests share, and close it after the last of them."""
    settings: Settings = app.state.settings
    logs.setup(settings.log_level, settings.log_format, service="api")
    presence = Presence()
    pool = await open_pool(
        settings.database_url, name="taskbell api", min_size=POOL_MIN, max_size=POOL_MAX, presence=presence
    )
    state = app.state
    state.client = Client(pool)
    state.listener = Listener(settings.database_url, "taskbell api", presence)
    state.watcher = Watcher(state.listener, state.client)
    state.relay = Relay(settings, state.watcher) if settings.wsify_url else None
    state.known = KnownTasks(state.client)
    state.gatherer = Gatherer(state.client.enqueue_and_get)
    state.metrics.watch(state.client)
    await state.listener.start()
    spare_the_collector()
    stopping: list[asyncio.Task[None]] = []
    try:
        with hear_stop(lambda: stopping.append(asyncio.create_task(state.watcher.close()))):
            yield
    finally:
        await state.watcher.close()
        if state.relay:
            await state.relay.close()
        await state.listener.close()
        await pool.close()


def _version() -> str:
    try:
        return version(NAME)
    except PackageNotFoundError:  # a clone is not an installed package
        return "0.1.0"


app = create_app(load())
