"""Hears NOTIFY: one connection of its own, always listening, that comes back by itself.

While this is deaf or away, people's polls carry on, and after every reconnect `on_regained` says that whatever rang in
between went unheard: read the state again.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any

import psycopg

from db.connection import BackOff, connection_options
from db.listen_probe import is_pooled, ring_from_elsewhere
from db.listen_wire import Wire
from db.presence import Presence

HEARTBEAT = 5.0  # seconds of silence until the connection is tried
DEADLINE = 5.0  # seconds in which it must answer; a peer that went silent is found within the sum of both
OWN_RING = 1.0  # seconds that our own ring may take; a server that passes it on at all sends it with the answer
PART = "listener"  # of the process, as its `Presence` knows it
BATCH = 500  # channels in one LISTEN statement: 44 µs each instead of 185 one by one
CHANNEL_BYTES = 63  # what Postgres keeps of a name

log = logging.getLogger(__name__)


class Listener:
    """LISTENs on one dedicated connection, for all of a process.

    Set `on_notify(channel, payload)`, `on_regained()`, `on_lost()` before `start`; they run on the event loop, and must
    not block. `hearing`: whether our own ring came through at the last try (behind a pooler in transaction mode: no).
    """

    def __init__(self, url: str, name: str, presence: Presence | None = None) -> None:
        self.on_notify: Callable[[str, str], None] = lambda _channel, _payload: None
        self.on_regained: Callable[[], None] = lambda: None
        self.on_lost: Callable[[], None] = lambda: None
        self.hearing = False
        self._name = name
        self._presence = presence or Presence()
        self._options = connection_options(url, f"{name} listen", statement_timeout=DEADLINE)
        self._channels: set[str] = set()  # that should be listened to
        self._in_force: set[str] = set()  # that are, on the present connection
        self._changed: dict[str, None] = {}  # to bring in force or out of it, in order
        self._waiting: dict[str, list[asyncio.Future[bool]]] = {}
        self._probe_channel = f"taskbell_probe_{secrets.token_hex(8)}"
        self._probe_heard = asyncio.Event()
        self._wire: Wire | None = None
        self._pooled = False
        self._work = asyncio.Event()
        self._closing = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and stay connected from now on. Returns after the first attempt, whatever came of it."""
        first = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(first), name=f"{self._name} listener")
        await first.wait()

    async def close(self) -> None:
        """Stop listening; whoever waits in `listen` gets False."""
        self._closing.set()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def listen(self, channel: str) -> bool:
        """Listen to `channel` from now on; return once that is in force.

        False: it can't be just now (no connection). It will be when the connection is back, before `on_regained`.
        """
        if not 0 < len(channel.encode()) <= CHANNEL_BYTES or "\0" in channel:
            raise ValueError(f"a channel's name has 1 to {CHANNEL_BYTES} bytes, this one is {channel!r}")
        self._channels.add(channel)
        if channel in self._in_force and channel not in self._changed:
            return True
        if self._wire is None:
            return False
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(channel, []).append(future)
        self._change(channel)
        return await future

    def unlisten(self, channel: str) -> None:
        """Listen to `channel` no longer; takes force with the next batch."""
        self._channels.discard(channel)
        self._change(channel)

    def _change(self, channel: str) -> None:
        self._changed[channel] = None
        self._work.set()

    async def _keep(self, first: asyncio.Event) -> None:
        pauses = BackOff()
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                connection = await psycopg.AsyncConnection.connect(**self._options, autocommit=True)
            except psycopg.Error as error:
                self._presence.unreached(PART, error, began)
                first.set()
                await pauses.sleep(self._closing)
                continue
            try:
                await self._serve(connection, first, pauses)
            except TimeoutError:
                self._presence.lost(PART, f"no answer within {DEADLINE:.0f} s")  # at once: connecting is slow
            except psycopg.Error as error:
                self._presence.broke(PART, "LISTEN", error)
            finally:
                self._lose(connection)
            first.set()
            await pauses.sleep(self._closing)

    async def _serve(self, connection: psycopg.AsyncConnection[Any], first: asyncio.Event, pauses: BackOff) -> None:
        """Listen on this connection until it breaks."""
        async with asyncio.timeout(DEADLINE):
            self._pooled = await is_pooled(connection)
        with Wire(connection.pgconn, self._hear) as wire:
            self._in_force = set()
            self._changed = dict.fromkeys([self._probe_channel, *self._channels])
            self._channels.add(self._probe_channel)
            self._wire = wire
            await self._bring_in_force(wire)
            await self._probe(wire, always_tell=not first.is_set())
            if first.is_set():
                self.on_regained()
            self._presence.found(PART)
            first.set()
            pauses.reset()
            while True:
                if await self._work_or_silence(wire):
                    await self._bring_in_force(wire)
                else:
                    await self._probe(wire)

    async def _work_or_silence(self, wire: Wire) -> bool:
        """Wait for channels to change (True) or for a heartbeat's time of silence (False)."""
        while (silence := HEARTBEAT - wire.quiet_for()) > 0:
            if await wire.wait(self._work, silence):
                self._work.clear()
                return True
        return False

    async def _bring_in_force(self, wire: Wire) -> None:
        while self._changed:
            batch = list(self._changed)[:BATCH]
            self._changed = dict.fromkeys(list(self._changed)[BATCH:])
            wanted = {channel for channel in batch if channel in self._channels}
            commands = [f"{'listen' if channel in wanted else 'unlisten'} {wire.quote(channel)}" for channel in batch]
            self._in_force -= set(batch) - wanted  # before: who wants one again meanwhile has to ask for it again
            async with asyncio.timeout(DEADLINE):
                await wire.execute("; ".join(commands))
            self._in_force |= wanted
            for channel in batch:
                self._answer(channel, in_force=channel in wanted)

    def _answer(self, channel: str, *, in_force: bool) -> None:
        if in_force or channel not in self._channels:
            for future in self._waiting.pop(channel, []):
                if not future.done():
                    future.set_result(in_force)

    async def _probe(self, wire: Wire, *, always_tell: bool = False) -> None:
        """Ring ourselves: an answer shows that the connection lives, the ring that it hears."""
        self._probe_heard.clear()
        async with asyncio.timeout(DEADLINE):
            rang = await wire.execute(f"notify {wire.quote(self._probe_channel)}", tolerate=True)
            if rang and self._pooled:
                self._probe_heard.clear()
                await ring_from_elsewhere(self._options, self._probe_channel)
        if not rang:
            return  # it lives; that the ring was refused (a full notification queue) tells nothing of our hearing
        hearing = await wire.wait(self._probe_heard, OWN_RING)
        if not hearing and (self.hearing or always_tell):
            log.warning("%s: LISTEN hears nothing here (a pooler in transaction mode?); polls carry on", self._name)
        self.hearing = hearing

    def _hear(self, channel: str, payload: str) -> None:
        if channel == self._probe_channel:
            self._probe_heard.set()
        elif channel in self._channels:
            self.on_notify(channel, payload)

    def _lose(self, connection: psycopg.AsyncConnection[Any]) -> None:
        connection.pgconn.finish()
        was_serving, self._wire = self._wire is not None, None
        self.hearing = False
        self._in_force = set()
        waiting, self._waiting = self._waiting, {}
        for future in (one for futures in waiting.values() for one in futures if not one.done()):
            future.set_result(False)
        if was_serving and not self._closing.is_set():
            self.on_lost()
