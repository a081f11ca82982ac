"""The size of a request's body, counted while it is read: past the limit nothing more is taken in."""

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Problem
from api.headers import header

MAX_BODY = 1024 * 1024  # bytes of a body
MAX_BATCH_BODY = 16 * MAX_BODY  # bytes of a batch
BATCH_PATH = "/api/tasks/batch"
LINGER = 2.0  # seconds in which a client that still sends can read our refusal before the connection is closed
LINGER_BYTES = 16 * MAX_BODY  # what such a client may still send, thrown away unread


class BodyLimit:
    """ASGI middleware: raises the 413 where the body is read, or before anything is read if it can; see refuse_body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = MAX_BATCH_BODY if scope["path"] == BATCH_PATH else MAX_BODY
        if _declared_length(scope) > limit:
            raise _too_large(limit)
        count = 0

        async def counted_receive() -> Message:
            nonlocal count
            message = await receive()
            if message["type"] == "http.request":
                count += len(message.get("body", b""))
                if count > limit:
                    raise _too_large(limit)
            return message

        await self.app(scope, counted_receive, send)


def _too_large(limit: int) -> Problem:
    return Problem(
        413, f"The body is over {limit // MAX_BODY} MiB; send less, or a link to it.", headers={"Connection": "close"}
    )


def _declared_length(scope: Scope) -> int:
    try:
        return int(header(scope, b"content-length") or 0)
    except ValueError:
        return 0


async def refuse_body(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer whole, then hold the connection for a moment: closed at once, its reset could eat the answer."""

    async def keep_open(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True}
        await send(message)

    await problem.response()(scope, receive, keep_open)
    with suppress(TimeoutError):
        await asyncio.wait_for(_discard(receive), LINGER)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _discard(receive: Receive) -> None:
    count = 0
    while count < LINGER_BYTES:
        message = await receive()
        count += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return
