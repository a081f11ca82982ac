"""Alive, ready, and in figures."""

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.answers import answer
from db.errors import DatabaseError

if TYPE_CHECKING:
    from db.client import Client
    from db.models import HealthRow

router = APIRouter(tags=["health"])

READY_DEADLINE = 3.0  # seconds: who asks for readiness wants an answer, also from a server gone silent
OK, DEGRADED, DOWN = "ok", "degraded", "down"
NO_STORE = {"Cache-Control": "no-store"}


class Alive(BaseModel):
    """The process answers."""

    status: str = OK


class Ready(BaseModel):
    """How the parts are: ok, degraded (works, and somebody should look) or down."""

    status: str
    parts: dict[str, str]
    notes: dict[str, str]


@router.head("/api/healthz", include_in_schema=False)
@router.get("/api/healthz", response_model=Alive)
async def healthz() -> Response:
    """Say that this process answers; nothing else is asked."""
    return answer({"status": OK}, headers=NO_STORE)


@router.head("/api/readyz", include_in_schema=False)
@router.get("/api/readyz", response_model=Ready, responses={503: {"model": Ready, "description": "No database."}})
async def readyz(request: Request) -> Response:
    """Say how the parts are. 503 only without a database; `notes` has a sentence on each part that is not ok."""
    client: Client = request.app.state.client
    try:
        health = await asyncio.wait_for(client.health(), READY_DEADLINE)
    except (DatabaseError, TimeoutError):
        body = {
            "status": DOWN,
            "parts": {"database": DOWN, "lock": DOWN, "worker": DOWN, "listen": DOWN},
            "notes": {"database": "The database does not answer; nothing can be enqueued or seen until it does."},
        }
        return answer(body, 503, {**NO_STORE, "Retry-After": "1"})
    notes = _notes(health, hearing=request.app.state.listener.hearing)
    parts = {part: DEGRADED if part in notes else OK for part in ("database", "lock", "worker", "listen")}
    return answer({"status": DEGRADED if notes else OK, "parts": parts, "notes": notes}, headers=NO_STORE)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """Return figures for Prometheus."""
    text = await request.app.state.metrics.text()
    return Response(text, headers={**NO_STORE, "Content-Type": CONTENT_TYPE_LATEST})


def _notes(health: "HealthRow", *, hearing: bool) -> dict[str, str]:
    """Return a sentence for each part that is not well."""
    notes = {}
    if not health["workers_alive"]:
        notes["worker"] = "No worker is alive; tasks wait until one starts."
    if health["lock_lost"]:
        notes["lock"] = f"{health['lock_lost']} worker(s) cannot reach Redis and hold no exclusive queue."
    if not hearing:
        notes["listen"] = "The API does not hear NOTIFY; it asks the database every second instead."
    elif health["workers_listening"] < health["workers_alive"]:
        deaf = health["workers_alive"] - health["workers_listening"]
        notes["listen"] = f"{deaf} worker(s) do not hear NOTIFY; they look once a second instead."
    if health["paused"]:
        notes["worker"] = "Everything is paused; workers claim nothing."
    return notes
