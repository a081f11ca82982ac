"""Which exclusive queues this worker holds: a Redis lock a queue, and the holder row in the database behind it."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from uuid import UUID, uuid4

from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from db.errors import DatabaseError
from db.worker_client import WorkerClient

LIFE = 5.0  # seconds a lock lives after it was last extended; the holder row likewise
MARGIN = 0.25  # seconds before another may take over, in which to stop
REDIS_WITHIN = 1.0  # seconds for an answer of Redis
# One round trip, however many are held. A key with no life left goes at once.
PROLONG = """
local ours = {}
for i, key in ipairs(KEYS) do
    local mine = redis.call('get', key) == ARGV[2 * i - 1]
    if mine then redis.call('pexpire', key, ARGV[2 * i]) end
    ours[i] = mine and 1 or 0
end
return ours
"""

log = logging.getLogger(__name__)


def connect(url: str) -> Redis:
    """Return a client that gives up soon and tries nothing twice: whoever can't reach Redis holds no lock."""
    return Redis.from_url(url, socket_timeout=REDIS_WITHIN, socket_connect_timeout=REDIS_WITHIN, retry=None)


def lock_of(redis: Redis, installation: UUID, queue: str, token: str | None = None) -> Lock:
    """Return the lock of a queue; with `token`, as it was won by somebody on our behalf."""
    lock = Lock(redis, _key(installation, queue), timeout=LIFE, thread_local=False)
    if token is not None:
        lock.local.token = token.encode()
    return lock


async def prolong(
    redis: Redis, installation: UUID, tokens: Mapping[str, str | None], lives: Mapping[str, float]
) -> set[str]:
    """Have the locks live so many seconds from now, those that are still ours; without any left they are released.

    Returns the queues whose locks live on. `RedisError`, `OSError`: Redis does not answer.
    """
    keys = [_key(installation, queue) for queue in tokens]
    left = {queue: max(0, int(lives[queue] * 1000)) for queue in tokens}
    told = [word for queue, token in tokens.items() for word in (token or "", left[queue])]
    async with asyncio.timeout(REDIS_WITHIN):  # to connect and all
        ours = await redis.register_script(PROLONG)(keys=keys, args=told)
    return {queue for queue, mine in zip(tokens, ours, strict=True) if mine and left[queue]}


def _key(installation: UUID, queue: str) -> str:
    return f"taskbell:{installation}:lock:{queue}"


class Locks:
    """The exclusive queues held. Without Redis the holder row alone is the lock."""

    def __init__(self, client: WorkerClient, worker: UUID, installation: UUID, redis: Redis | None) -> None:
        self.tokens: dict[str, str | None] = {}  # by queue; None: held by its row alone
        self._client = client
        self._worker = worker
        self._installation = installation
        self._redis = redis
        self.answers = True  # Redis, the last time it was asked

    async def take(self, queue: str) -> bool:
        """Try to become the one worker of a queue; never waits for another's lock. `DatabaseError`: no database."""
        if self._redis is None:
            if held := await self._client.hold(self._worker, queue):
                self.tokens[queue] = None
            return held
        token = str(uuid4())
        lock = lock_of(self._redis, self._installation, queue)
        try:
            won = await lock.acquire(blocking=False, token=token)
            self._say(None)
        except (RedisError, OSError) as error:
            self._say(error)
            return False
        if not won:
            return False
        try:
            if await self._client.hold(self._worker, queue):
                self.tokens[queue] = token
                return True
        except DatabaseError:
            await self._release(lock)
            raise
        await self._release(lock)
        return False

    def forget(self, queue: str) -> None:
        """Note that a queue was lost."""
        self.tokens.pop(queue, None)

    async def give(self, queue: str) -> None:
        """Give a queue up, after its claims were completed or released, so that another worker may take it at once."""
        token = self.tokens.pop(queue, None)
        # Redis first: who hears the ring of the row finds the lock free.
        if self._redis is not None and token is not None:
            await self._release(lock_of(self._redis, self._installation, queue, token))
        await self._client.unhold(self._worker, queue)

    async def close(self) -> None:
        """Give up what is still locked in Redis, and disconnect."""
        if self._redis is None:
            return
        held = dict(self.tokens)
        self.tokens.clear()  # first: a report of the heart that comes in meanwhile finds nothing to lose
        for queue, token in held.items():
            if token is not None:
                await self._release(lock_of(self._redis, self._installation, queue, token))
        await self._redis.aclose()

    async def _release(self, lock: Lock) -> None:
        with contextlib.suppress(LockError, RedisError, OSError):  # then it ends by itself
            await lock.release()

    def _say(self, error: Exception | None) -> None:
        """Log once that Redis is away, and once that it is back."""
        if error is not None and self.answers:
            log.error("Redis does not answer, so no lock can be won; trying again each second: %s", error)
        elif error is None and not self.answers:
            log.warning("Redis answers again")
        self.answers = error is None
