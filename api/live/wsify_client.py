"""Posts messages to wsify, the newest of each task, and waits while it is away."""

import asyncio
import json
import logging
import time

import httpx

from api.live.wire import partial
from api.watched import Task

SENDERS = 4  # requests at a time
TIMEOUT = 5.0  # seconds a request may take
KEEP = 60.0  # seconds a message waits for wsify to come back; later its clients have joined anew anyway
BACK_OFF = (0.1, 2.0)  # seconds between tries while it is away: first, longest
SAY_AGAIN = 60.0  # seconds between log lines about the same refusal

log = logging.getLogger(__name__)


class WsifyClient:
    """wsify's `/broadcast`. Its key travels in the address (it has no other way), so no address is ever logged."""

    def __init__(self, url: str, key: str) -> None:
        _keep_addresses_out_of_logs()
        headers = {"Content-Type": "application/json"}  # exactly: with a charset it answers 415
        limits = httpx.Limits(max_connections=SENDERS, max_keepalive_connections=SENDERS)
        self._http = httpx.AsyncClient(timeout=TIMEOUT, trust_env=False, headers=headers, limits=limits)
        self._address = httpx.URL(url.rstrip("/") + "/broadcast", params={"key": key})
        self._outbox: dict[str, tuple[Task, str, float]] = {}  # by channel: the state, its message, since when
        self._news = asyncio.Event()
        self._senders: list[asyncio.Task[None]] = []
        self._away = False
        self._said_at = -SAY_AGAIN

    def post(self, task: Task, text: str) -> None:
        """Broadcast `text` to the task's channel soon; an older message that still waits is dropped."""
        self._outbox.pop(task["id"], None)
        self._outbox[task["id"]] = (task, text, time.monotonic())
        self._news.set()
        if not self._senders:
            self._senders = [asyncio.create_task(self._send(), name="wsify sender") for _ in range(SENDERS)]

    async def close(self) -> None:
        """Stop; what was not sent is not."""
        for sender in self._senders:
            sender.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        await self._http.aclose()

    async def _send(self) -> None:
        pause = BACK_OFF[0]
        while True:
            if not self._outbox:
                self._news.clear()
                await self._news.wait()
                continue
            channel = next(iter(self._outbox))
            task, text, since = self._outbox.pop(channel)
            try:
                await self._broadcast(task, text)
            except httpx.HTTPError as error:
                self._note_away(error)
                if time.monotonic() - since < KEEP:
                    self._outbox.setdefault(channel, (task, text, since))  # unless a newer one has come
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACK_OFF[1])
            else:
                self._note_back()
                pause = BACK_OFF[0]

    async def _broadcast(self, task: Task, text: str) -> None:
        status = await self._post(task["id"], text)
        if status == httpx.codes.BAD_REQUEST:  # Go cannot hold what is in it, such as the number 1e400
            status = await self._post(task["id"], partial(task))
        if status != httpx.codes.CREATED and time.monotonic() - self._said_at >= SAY_AGAIN:
            self._said_at = time.monotonic()
            hint = " (is WSIFY_KEY its -broadcasting-key?)" if status == httpx.codes.FORBIDDEN else ""
            log.error("wsify answers a broadcast with %d%s; clients fall back to polling", status, hint)

    async def _post(self, channel: str, text: str) -> int:
        body = f'{{"channel":{json.dumps(channel)},"content":{text}}}'
        return (await self._http.post(self._address, content=body.encode())).status_code

    def _note_away(self, error: httpx.HTTPError) -> None:
        if not self._away:
            log.warning("wsify does not answer (%s); trying again, clients poll meanwhile", type(error).__name__)
        self._away = True

    def _note_back(self) -> None:
        if self._away:
            log.warning("wsify is back")
        self._away = False


def _keep_addresses_out_of_logs() -> None:
    for name in ("httpx", "httpcore"):  # they log each request's address, ours with the key in it
        logging.getLogger(name).setLevel(logging.WARNING)
