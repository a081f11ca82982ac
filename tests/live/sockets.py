"""Websocket clients for tests: a well-behaved one, and a bare socket that can be rude."""

import asyncio
import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode


def open_socket(url: str, **options: Any) -> connect:
    """Connect without pings, compression or a proxy."""
    return connect(url, **({"ping_interval": None, "compression": None, "proxy": None, "max_size": None} | options))


async def say(websocket: ClientConnection, command: str, **args: Any) -> None:
    await websocket.send(json.dumps({"command": command, "args": args}))


async def hear(websocket: ClientConnection, seconds: float = 5) -> Any:
    async with asyncio.timeout(seconds):
        return json.loads(await websocket.recv())


async def hears_nothing(websocket: ClientConnection, seconds: float = 0.3) -> bool:
    """Is there nothing to hear for that long? (The absence of something can only be waited for.)"""
    try:
        async with asyncio.timeout(seconds):
            await websocket.recv()
    except TimeoutError:
        return True
    return False


class RudeSocket:
    """Speaks just enough websocket to join, then reads nothing."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            self._shake_hands(parts.hostname, parts.port, parts.path)
        except BaseException:
            self._socket.close()
            raise

    def _shake_hands(self, host: str, port: int, path: str) -> None:
        self._socket.connect((host, port))
        self._socket.settimeout(5)
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            if not (some := self._socket.recv(1024)):
                raise ConnectionError(f"closed in the middle of the handshake, after {answer!r}")
            answer += some
        assert b" 101 " in answer, answer

    def say(self, command: str, **args: Any) -> None:
        text = json.dumps({"command": command, "args": args}).encode()
        self._socket.sendall(Frame(Opcode.TEXT, text).serialize(mask=True))

    def hear_something(self) -> None:
        assert self._socket.recv(64)

    def reset(self) -> None:
        """Go away with a reset, as a crashed client does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        self._socket.close()
