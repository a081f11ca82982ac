"""One websocket session, step by step as wsify's own, its order of doing things included."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable

from broker import Broker, Subscription
from channel import Channel
from gojson import dumps, loads
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol

Authorize = Callable[[dict], Awaitable[bool]]


class AuthorizerDownError(Exception):
    pass


class Session:
    def __init__(
        self,
        protocol: ServerProtocol,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        broker: Broker,
        authorize: Authorize,
    ) -> None:
        self._protocol = protocol
        self._stream_reader = reader
        self._stream_writer = writer
        writer.transport.set_write_buffer_limits(high=0)  # so that a write lasts until the kernel has taken all of it
        self._broker = broker
        self._authorize = authorize
        self._message: dict = {"command": "", "args": None}
        self._frames: list[Frame] = []
        self._done: dict[str, Subscription] = {}
        self._every: list[tuple[str, Subscription]] = []
        self._errors: Channel[str] = Channel()
        self._output: Channel[str] = Channel()
        self._writing = False

    async def serve(self) -> None:
        listener = self._broker.go(self._log_errors())
        self._broker.go(self._write())
        try:
            await self._run()
        finally:
            self._stream_writer.transport.abort() if self._writing else await self._close()
            self._errors.close()
            self._output.close()
            for subscription in self._done.values():
                await subscription.done.send(None)
            self._broker.forget(self._every)
            await listener

    async def _run(self) -> None:
        while True:
            try:
                self._lay_over(await self._receive())
            except EOFError:
                return
            except (ValueError, OSError) as error:
                await self._errors.send(str(error))
            try:
                if not await self._authorize(self._message):
                    continue
            except AuthorizerDownError:
                return
            await self._obey()

    async def _obey(self) -> None:
        args = self._message["args"] or {}
        channel = args["channel"].strip() if isinstance(args.get("channel"), str) else ""
        command = self._message["command"]
        if command == "join" and not channel:
            await self._errors.send("requested join on an empty chan")
        elif command == "join":
            subscription = self._broker.subscribe(channel)
            self._done[channel] = subscription  # a second join overwrites, and is delivered beside the first
            self._every.append((channel, subscription))
            self._broker.go(self._feed(subscription))
        elif command == "leave":
            if channel not in self._done:
                await asyncio.get_running_loop().create_future()  # sending on a nil channel blocks for ever
            await self._done[channel].done.send(None)
            del self._done[channel]
        elif command == "broadcast":
            self._broker.publish(channel, dumps(args.get("content")))

    def _lay_over(self, text: str) -> None:
        said = loads(text)
        if said is None:
            return
        if not isinstance(said, dict):
            raise ValueError("json: cannot unmarshal into Go value of type session.Message")  # noqa: TRY004 - bad JSON too
        for name, value in said.items():
            if name.lower() == "command":
                if not isinstance(value, str | None):
                    raise ValueError("json: cannot unmarshal into Go struct field Message.command of type string")
                self._message["command"] = value if value is not None else self._message["command"]
            elif name.lower() == "args":
                if not isinstance(value, dict | None):
                    raise ValueError("json: cannot unmarshal into Go struct field Message.args of type map")
                self._message["args"] = None if value is None else {**(self._message["args"] or {}), **value}

    async def _feed(self, subscription: Subscription) -> None:
        async for message in subscription.messages:
            await self._output.send(message)

    async def _write(self) -> None:
        async for message in self._output:
            self._writing = True
            try:
                self._protocol.send_text(message.encode())
                await self._flush()
            except OSError as error:
                await asyncio.sleep(0)  # the reader has seen the end by now, and the session is closing
                await asyncio.sleep(0)
                await self._errors.send(str(error))
                return
            self._writing = False

    async def _receive(self) -> str:
        while True:
            for event in self._frames:
                self._frames = self._frames[1:]
                if event.opcode in (Opcode.TEXT, Opcode.BINARY):
                    return event.data.decode(errors="replace")
                if event.opcode is Opcode.CLOSE:
                    raise EOFError
            try:
                data = await self._stream_reader.read(65536)
            except OSError:
                if self._writing:  # a socket reports its error once, and the writer got it
                    raise EOFError from None
                self._stream_reader.set_exception(EOFError())  # reset: reported once, then the end
                raise
            if not data:
                raise EOFError
            self._protocol.receive_data(data)
            self._frames += [event for event in self._protocol.events_received() if isinstance(event, Frame)]
            await self._flush()

    async def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._stream_writer.write(data)
        await self._stream_writer.drain()

    async def _close(self) -> None:
        with contextlib.suppress(Exception):
            self._protocol.send_close(1000)
            await self._flush()
        self._stream_writer.close()

    async def _log_errors(self) -> None:
        async for error in self._errors:
            sys.stdout.write(json.dumps({"level": "ERROR", "msg": error, "func": "sessionErrorListener"}) + "\n")
            sys.stdout.flush()
