"""A stand-in for wsify v3.0.0: the same command line, routes, answers and flaws. See README.md."""

import argparse
import asyncio
import json
import sys
import time
from contextlib import suppress
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import httpx
from broker import Broker
from channel import panic
from gojson import dumps, loads
from session import AuthorizerDownError, Session
from websockets.http11 import Request as Upgrade
from websockets.server import ServerProtocol

METHODS = {"/ws": ("GET",), "/broadcast": ("POST",)}


class Wsify:
    def __init__(self, flags: argparse.Namespace) -> None:
        self._flags = flags
        self._broker = Broker()
        self._http = httpx.AsyncClient(timeout=None, trust_env=False, follow_redirects=True)

    async def run(self) -> None:
        host, _, port = self._flags.listen_addr.rpartition(":")
        server = await asyncio.start_server(self._connection, host.strip("[]") or None, int(port))
        sys.stdout.write(f"⇨ http server started on {self._flags.listen_addr}\n")
        sys.stdout.flush()
        await server.serve_forever()

    async def authorize(self, message: dict) -> bool:
        if not self._flags.authorizer_url:
            return True
        try:
            headers = {"Content-Type": "application/json"}
            answer = await self._http.post(self._flags.authorizer_url, content=dumps(message), headers=headers)
        except httpx.HTTPError as error:
            raise AuthorizerDownError from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise AuthorizerDownError
        return answer.status_code == HTTPStatus.OK

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            while await self._request(reader, writer):
                pass
        writer.close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = line.split(" ", 2)
        headers: dict[str, list[str]] = {}
        for field in fields:
            name, _, value = field.partition(":")
            headers.setdefault(name.strip().title(), []).append(value.strip())
        address = urlsplit(target)
        length = int(headers.get("Content-Length", ["0"])[0])
        body = await reader.readexactly(length) if length else b""
        if address.path not in METHODS:
            return await self._answer(writer, line, headers, 404, {"message": "Not Found"})
        if method not in METHODS[address.path]:
            return await self._answer(writer, line, headers, 405, {"message": "Method Not Allowed"})
        query = parse_qs(address.query, keep_blank_values=True)
        if address.path == "/broadcast":
            return await self._answer(writer, line, headers, self._broadcast(query, headers, body))
        await self._websocket(head, line, headers, query, (reader, writer))
        return False

    def _broadcast(self, query: dict[str, list[str]], headers: dict[str, list[str]], body: bytes) -> int:
        if query.get("key", [""])[0] != self._flags.broadcasting_key:
            return 403
        if headers.get("Content-Type", [""])[0].lower() != "application/json":
            return 415
        try:
            said = loads(body.decode()) if body else {}
        except ValueError:
            return 400
        if said is None:
            said = {}
        if not isinstance(said, dict) or not isinstance(said.get("channel"), str | None):
            return 400
        self._broker.publish(said.get("channel") or "", dumps(said.get("content")))
        return 201

    async def _websocket(
        self,
        head: bytes,
        line: str,
        headers: dict[str, list[str]],
        query: dict[str, list[str]],
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        reader, writer = streams
        shown = {name: values for name, values in headers.items() if name != "Host"}
        try:
            accepted = await self.authorize({"command": "connect", "args": {"headers": shown, "query": query}})
        except AuthorizerDownError:
            accepted = False
        if not accepted:
            await self._answer(writer, line, headers, 403)
            return
        protocol = ServerProtocol(max_size=None)
        protocol.receive_data(head)
        request = next(event for event in protocol.events_received() if isinstance(event, Upgrade))
        response = protocol.accept(request)
        protocol.send_response(response)
        writer.write(b"".join(protocol.data_to_send()))
        if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
            await Session(protocol, reader, writer, self._broker, self.authorize).serve()
        self._log(line, headers, response.status_code)

    async def _answer(
        self,
        writer: asyncio.StreamWriter,
        line: str,
        headers: dict[str, list[str]],
        status: int,
        content: dict | None = None,
    ) -> bool:
        body = (json.dumps(content) + "\n").encode() if content else b""
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Vary: Origin", f"Content-Length: {len(body)}"]
        if "Origin" in headers:
            lines.append("Access-Control-Allow-Origin: *")
        if body:
            lines.append("Content-Type: application/json")
        writer.write("\r\n".join([*lines, "", ""]).encode() + body)
        self._log(line, headers, status)
        await writer.drain()
        return "close" not in headers.get("Connection", [""])[0].lower()

    def _log(self, line: str, headers: dict[str, list[str]], status: int) -> None:
        method, uri, _ = line.split(" ", 2)
        shown = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "host": headers.get("Host", [""])[0]}
        shown |= {"method": method, "uri": uri, "status": status}  # the whole address, key included, as wsify does
        sys.stdout.write(json.dumps(shown) + "\n")
        sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser("wsify", allow_abbrev=False)
    for flag, default in (
        ("authorizer-url", ""),
        ("broadcasting-key", ""),
        ("broker-driver", "memory"),
        ("broker-dsn", ""),
        ("listen-addr", ":3000"),
    ):
        parser.add_argument(f"-{flag}", f"--{flag}", default=default)
    flags = parser.parse_args()
    if flags.broker_driver != "memory":
        panic(f"specified driver ({flags.broker_driver}) not registered")
    asyncio.run(Wsify(flags).run())


if __name__ == "__main__":
    main()
