"""The API's own websocket hub at `/ws`: wsify's protocol, with the present state first and nothing lost."""

import time

from starlette.datastructures import State
from starlette.websockets import WebSocket

from api.live.hub_connection import TRY_AGAIN, Connection
from api.live.origins import allowed
from api.watch import Watcher

MAX_CONNECTIONS = 10_000  # websockets of one process; each takes some 30 KB
COUNT_AGAIN = 0.1  # seconds between counts of what is joined
MAX_JOINS = 20_000  # channels joined over all of them; each may hold a message of 8 KiB for a slow client
NOT_YOUR_PAGE = 4403  # close code before the handshake: browsers see a refused connection


class Hub:
    """The open connections of one process, and what they may take together."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._load = 0
        self._counted_at = -COUNT_AGAIN

    def has_room(self) -> bool:
        """Tell whether one more channel may be joined."""
        now = time.monotonic()
        if now - self._counted_at > COUNT_AGAIN:
            self._counted_at = now
            self._load = sum(connection.load for connection in self._connections)
        self._load += 1  # the one that is asked for; the next count puts right what has ended
        return self._load <= MAX_JOINS

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one accepted websocket until it ends."""
        if len(self._connections) >= MAX_CONNECTIONS and not self._shed():
            await websocket.close(TRY_AGAIN, "too many connections; try again later")
            return
        connection = Connection(websocket, self.watcher, self.has_room)
        self._connections[connection] = None
        try:
            await connection.serve()
        finally:
            del self._connections[connection]

    def _shed(self) -> bool:
        """End the oldest connection that has joined nothing, so that idle ones cannot keep people out."""
        for connection in self._connections:
            if connection.load == 0 and not connection.ending:
                connection.end(TRY_AGAIN, "others need the place of a connection that has joined nothing")
                return True
        return False


async def websocket_route(websocket: WebSocket) -> None:
    """Serve `/ws`. A page of another site than ours and ALLOWED_ORIGINS gets 403 instead of a handshake."""
    state = websocket.app.state
    if not allowed(websocket.headers.get("origin"), websocket.headers.get("host"), state.settings):
        await websocket.close(NOT_YOUR_PAGE, "pages of this site may not connect; see ALLOWED_ORIGINS")
        return
    await websocket.accept()
    websocket.scope["headers"].clear()  # they are looked at; a browser's are a kilobyte that would wait along
    await _hub(state).serve(websocket)


def _hub(state: State) -> Hub:
    if getattr(state, "hub", None) is None:
        state.hub = Hub(state.watcher)
    hub: Hub = state.hub
    return hub
