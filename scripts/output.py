"""What the launcher prints: its own lines, and those of its parts with their names in front."""

import asyncio
import os
import sys
from contextlib import suppress
from typing import BinaryIO


def say(line: str) -> None:
    """Print a line; a terminal that is gone is no reason to stop stopping."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115,PTH123 - for the rest of our life


def new_pipe() -> tuple[BinaryIO, BinaryIO]:
    """Return both ends of a new pipe, the reading one first."""
    read, write = os.pipe()
    return os.fdopen(read, "rb"), os.fdopen(write, "wb")


async def pass_on(name: str, output: BinaryIO | None) -> None:
    """Print what a part writes, until it has closed its end."""
    if output is None:
        return
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), output
    )
    try:
        while not reader.at_eof():
            with suppress(ValueError):  # a line longer than the reader's limit
                if line := await reader.readline():
                    say(f"{name:<8} | {line.decode(errors='replace').rstrip()}")
    finally:
        transport.close()
