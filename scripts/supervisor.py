"""Runs parts as child processes: passes their lines on, names one that died and starts it again with back-off."""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from db.embedded import EmbeddedError
from scripts.guard import Guard
from scripts.output import new_pipe, pass_on, say

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds between a death and the next start
LIVED_WELL = 60.0  # seconds after which the back-off begins anew
ASK_EVERY = 0.1  # seconds between two questions whether a part answers
READY_TIMEOUT = 30.0  # seconds until we say that a part does not answer yet
LAST_LINES = 1.0  # seconds; a grandchild may hold the pipe open
STOP_PATIENCE = (10.0, 10.0)  # seconds after the first and the second request to stop; then it is killed


class PartError(Exception):
    """A part could not be brought up; the message is one sentence."""


@dataclass
class Part:
    """One process: its command, how to ask whether it answers, and where its output goes (None: to ours)."""

    name: str
    command: list[str]
    answers: Callable[[int], bool]  # given its pid; runs in a thread
    log: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    must_start: bool = False  # dying before it ever answered ends everything
    refusal: str = ""  # why its answer is not good enough
    process: asyncio.subprocess.Process | None = None
    keeper: asyncio.Task[None] | None = None


class Supervisor:
    """Keeps parts running until `stop`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._parts: list[Part] = []
        self._stopping = asyncio.Event()

    def begin_stop(self) -> None:
        """Somebody wants it to stop; who says so twice gets it at once."""
        if self._stopping.is_set():
            for part in self._parts:
                _signal_group(part, signal.SIGKILL)
        self._stopping.set()

    @property
    def stopping(self) -> bool:
        """Tell whether somebody wants it to stop."""
        return self._stopping.is_set()

    async def wait(self) -> None:
        """Wait until somebody wants it to stop."""
        await self._stopping.wait()

    async def start(self, part: Part) -> None:
        """Start a part and keep it running; return once it answers, or when all is to stop."""
        answered = asyncio.Event()
        self._parts.append(part)
        part.keeper = asyncio.create_task(self._keep(part, answered))
        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(answered.wait())
        while not (answered.is_set() or self.stopping or part.keeper.done()):
            done, _ = await asyncio.wait(
                {stopping, ready, part.keeper}, timeout=READY_TIMEOUT, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:
                say(f"{part.name} does not answer yet{_see(part)}")
        stopping.cancel()
        ready.cancel()
        if part.keeper.done():
            await part.keeper
        if part.refusal:
            raise PartError(part.refusal)

    async def stop(self) -> None:
        """Stop everything: what was started together goes together, the stores last."""
        self._stopping.set()
        stores = [part for part in self._parts if part.must_start]
        await asyncio.gather(*(self._stop(part) for part in self._parts if not part.must_start))
        await asyncio.gather(*(self._stop(part) for part in stores))

    async def _keep(self, part: Part, answered: asyncio.Event) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            process, output = await self._launch(part)
            lines = asyncio.create_task(pass_on(part.name, output))
            asking = asyncio.create_task(_ask(part, process.pid, answered))
            code = await process.wait()
            _signal_group(part, signal.SIGKILL)  # children of a part that died would hold its port
            await asyncio.wait([lines], timeout=LAST_LINES)
            lines.cancel()
            asking.cancel()
            await asyncio.gather(lines, asking, return_exceptions=True)
            self._guard.forget(process.pid)
            if self._stopping.is_set():
                return
            if part.must_start and not answered.is_set():
                raise PartError(f"{part.name} did not start: {_last_words(part)}")
            pause = FIRST_PAUSE if time.monotonic() - began > LIVED_WELL else pause
            say(f"{part.name} died ({_how(code)}){_see(part)}; starting it again in {pause:g} s")
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _launch(self, part: Part) -> tuple[asyncio.subprocess.Process, BinaryIO | None]:
        # A pipe of our own: asyncio's would let wait() wait for every grandchild that holds it open.
        read, write = (None, part.log.open("ab")) if part.log else new_pipe()
        part.process = await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=write,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal is for us, who stop things in order
        )
        write.close()
        self._guard.watch(part.process.pid)
        return part.process, read

    async def _stop(self, part: Part) -> None:
        if part.keeper is None or part.process is None:
            return
        for patience in STOP_PATIENCE:
            if part.process.returncode is None:
                part.process.send_signal(part.stop_signal)
                await asyncio.wait([part.keeper], timeout=patience)
        if part.process.returncode is None:
            say(f"{part.name} did not stop within {sum(STOP_PATIENCE):.0f} s and is killed")
        _signal_group(part, signal.SIGKILL)
        await asyncio.gather(part.keeper, return_exceptions=True)


async def _ask(part: Part, pid: int, answered: asyncio.Event) -> None:
    while not answered.is_set():
        try:
            answers = await asyncio.to_thread(part.answers, pid)
        except EmbeddedError as error:
            part.refusal, answers = str(error), True
        if answers:
            answered.set()
        else:
            await asyncio.sleep(ASK_EVERY)


def _signal_group(part: Part, number: signal.Signals) -> None:
    if part.process:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(part.process.pid, number)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _see(part: Part) -> str:
    return f", see {part.log}" if part.log else ""


def _last_words(part: Part) -> str:
    lines = part.log.read_text(errors="replace").split("\n") if part.log else []
    told = [line.strip() for line in lines if "FATAL" in line or "rror" in line] or [line for line in lines if line]
    return told[-1] if told else "it said nothing"
