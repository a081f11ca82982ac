"""The API's own websocket hub at `/ws`: wsify's protocol, with the present state first and nothing lost.

All its joins together are fewer than a `Watcher` takes, so that events and waits are left some.
"""

import time

from starlette.datastructures import State
from starlette.websockets import WebSocket

from api.live.hub_connection import TRY_AGAIN, Connection
from api.live.origins import allowed
from api.watch import Watcher

MAX_CONNECTIONS = 10_000  # websockets of one process; each takes some 30 KB
COUNT_AGAIN = 0.1  # seconds between counts of what is joined
MAX_JOINS = 16_000  # channels joined over all of them; each may hold a message of 8 KiB for a slow client
FEW = 20  # channels of one connection, with which it need not give way to others
NOT_YOUR_PAGE = 4403  # close code before the handshake: browsers see a refused connection


class Hub:
    """The open connections of one process, and what they may take together."""

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher
        self._connections: dict[Connection, None] = {}  # the oldest first
        self._load = 0
        self._counted_at = -COUNT_AGAIN

    def make_room(self, asking: Connection) -> bool:
        """Tell whether one more channel may be joined by this connection; others may have to give way to it."""
        now = time.monotonic()
        if now - self._counted_at > COUNT_AGAIN:
            self._counted_at = now
            self._load = sum(connection.load for connection in self._connections if not connection.ending)
        if self._load >= MAX_JOINS and not self._divide(asking):
            return False
        self._load += 1  # the one that is asked for; the next count puts right what has ended
        return True

    def _divide(self, asking: Connection) -> bool:
        """End the connection that has joined most, if that is over twice as many: a few must not keep people out."""
        most = max((one for one in self._connections if not one.ending), key=lambda one: one.load, default=asking)
        if most.load <= max(FEW, 2 * asking.load):
            return False
        self._load -= most.load
        most.end(TRY_AGAIN, f"others need the place of a connection that has joined {most.load} channels")
        return True

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one accepted websocket until it ends."""
        if len(self._connections) >= MAX_CONNECTIONS and not self._shed():
            await websocket.close(TRY_AGAIN, "too many connections; try again later")
            return
        connection = Connection(websocket, self.watcher, self.make_room)
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
