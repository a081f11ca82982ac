"""The admin as an ASGI application: `uvicorn admin_site.asgi:application`. It serves its own static files."""

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "admin_site.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from db import logs
from db.settings import load

PACKAGES = ["unfold", "django.contrib.admin", "admin_site.queue_admin"]  # the theme's files replace Django's


def favicon(_request: object) -> RedirectResponse:
    """Browsers ask for it where a page names none, like the plain one."""
    return RedirectResponse(f"{settings.STATIC_URL}taskbell/bell.svg", status_code=301)


def to_admin(_request: object) -> RedirectResponse:
    """The port's bare address leads to the admin."""
    return RedirectResponse("/admin/")


logs.setup(load().log_level, load().log_format, service="admin")
static = GZipMiddleware(StaticFiles(packages=[(name, "static") for name in PACKAGES]))
application = Starlette(
    routes=[
        Route("/", to_admin),
        Route("/favicon.ico", favicon),
        Mount(settings.STATIC_URL.rstrip("/"), static),
        Mount("/", cast("ASGIApp", get_asgi_application())),
    ]
)
