"""The relay to wsify: answers its authorizer, watches what its clients join, broadcasts each state.

wsify has no history, no acknowledgement, and never tells when a client has gone. It asks before it subscribes, so what
is broadcast in between is lost: the state is repeated shortly after each join, and `seq` sorts it out at the client.
"""

import asyncio
import time
from collections import OrderedDict
from uuid import UUID

from api.answers import FINISHED
from api.live.commands import Refused, authorized
from api.live.origins import allowed
from api.live.wire import LEFT_OUT, message
from api.live.wsify_client import WsifyClient
from api.watch import Watcher
from api.watched import Task
from db.errors import DatabaseError, Unavailable
from db.settings import Settings

REPEATS = (0.005, 0.05, 0.5, 2.0)  # seconds after a join; wsify subscribes within a millisecond, if it is not busy
MAX_RELAYED = 10_000  # tasks; the one that nobody has asked for longest makes room
IDLE = 3600.0  # seconds after the last join; then its clients have their own poll
JOIN_DEADLINE = 5.0  # seconds until a join whose task can't be read is given up


class Relayed:
    """A task that wsify's clients have joined."""

    def __init__(self) -> None:
        self.task: Task | None = None  # its newest state, without what may be big
        self.text = ""  # the same as a message
        self.asked_at = 0.0
        self.joins = 0  # less the leaves that we let through
        self.repeats = 0  # still to come
        self.watch: asyncio.Task[None] | None = None
        self.known: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def finished(self) -> bool:
        """True once its last state has been seen."""
        return self.task is not None and self.task["status"] in FINISHED


class Relay:
    """What wsify asks, and what it is told."""

    def __init__(self, settings: Settings, watcher: Watcher) -> None:
        self._settings = settings
        self._watcher = watcher
        self._wsify = WsifyClient(settings.wsify_url, settings.wsify_key)
        self._relayed: OrderedDict[UUID, Relayed] = OrderedDict()  # the longest not asked for first

    async def close(self) -> None:
        """Stop watching and sending."""
        watches = [relayed.watch for relayed in self._relayed.values() if relayed.watch]
        for watch in watches:
            watch.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
        await self._wsify.close()

    async def authorize(self, command: object, args: object) -> None:
        """Return if wsify may do what its client asks. `Refused`; `DatabaseError`: not to be told just now."""
        if command == "connect":
            self._check_origin(args)
            return
        asked = authorized(command, args)
        if asked.kind == "join":
            await self._join(asked.task_id)
        else:
            self._leave(asked.task_id)

    def _check_origin(self, args: object) -> None:
        headers = args.get("headers") if isinstance(args, dict) else None
        found = {
            name.lower(): values[0]
            for name, values in (headers.items() if isinstance(headers, dict) else ())
            if isinstance(values, list) and values and isinstance(values[0], str)
        }
        if not allowed(found.get("origin"), found.get("x-forwarded-host"), self._settings):
            raise Refused("pages of this site may not connect; see ALLOWED_ORIGINS")

    async def _join(self, task_id: UUID) -> None:
        relayed = self._relayed.get(task_id)
        if relayed is None or relayed.finished:
            relayed = self._start(task_id)
        relayed.asked_at = time.monotonic()
        self._relayed.move_to_end(task_id)
        try:
            async with asyncio.timeout(JOIN_DEADLINE):
                await asyncio.shield(relayed.known)
        except TimeoutError:
            raise Unavailable from None
        relayed.joins += 1
        for delay in REPEATS:
            relayed.repeats += 1
            asyncio.get_running_loop().call_later(delay, self._repeat, task_id, relayed)

    def _leave(self, task_id: UUID) -> None:
        # A leave of what was never joined makes wsify deaf to all that its client says: let none through that we
        # can't set against a join. Who stays subscribed that way gets a few messages too many.
        relayed = self._relayed.get(task_id)
        if relayed is None or relayed.joins <= 0:
            raise Refused("nobody has joined that channel")
        relayed.joins -= 1

    def _start(self, task_id: UUID) -> Relayed:
        self._make_room()
        relayed = self._relayed[task_id] = Relayed()
        relayed.watch = asyncio.create_task(self._follow(task_id, relayed), name=f"relay {task_id}")
        return relayed

    def _make_room(self) -> None:
        while self._relayed:
            oldest = next(iter(self._relayed))
            relayed = self._relayed[oldest]
            if len(self._relayed) < MAX_RELAYED and time.monotonic() - relayed.asked_at < IDLE:
                return
            del self._relayed[oldest]
            if relayed.watch:
                relayed.watch.cancel()

    async def _follow(self, task_id: UUID, relayed: Relayed) -> None:
        try:
            async with self._watcher.watch(task_id) as changes:
                async for task in changes:
                    relayed.text = message(task)
                    relayed.task = {name: value for name, value in task.items() if name not in LEFT_OUT}
                    if relayed.known.done():
                        self._wsify.post(relayed.task, relayed.text)
                    else:
                        relayed.known.set_result(None)  # its joins repeat this state as soon as they are in force
        except DatabaseError as error:
            _fail(relayed.known, error)
        finally:
            relayed.watch = None
            _fail(relayed.known, Unavailable())
            self._forget_if_over(task_id, relayed)

    def _repeat(self, task_id: UUID, relayed: Relayed) -> None:
        relayed.repeats -= 1
        if relayed.task is not None:
            self._wsify.post(relayed.task, relayed.text)
        self._forget_if_over(task_id, relayed)

    def _forget_if_over(self, task_id: UUID, relayed: Relayed) -> None:
        if relayed.watch is None and relayed.repeats == 0 and self._relayed.get(task_id) is relayed:
            del self._relayed[task_id]


def _fail(future: asyncio.Future[None], error: DatabaseError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # looked at, though no join may be waiting any more
