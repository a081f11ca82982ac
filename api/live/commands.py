"""What a websocket client may say, and the sentence for what it may not."""

import json
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from api.tokens import verify

MAX_COMMAND = 8192  # bytes of a client's message; a join has some 150


class Refused(Exception):  # noqa: N818 - it is an answer, not a failure
    """This command does nothing."""


@dataclass(frozen=True, slots=True)
class Command:
    """A join or leave whose token is good for its channel."""

    kind: Literal["join", "leave"]
    task_id: UUID


def parse(text: str) -> Command:
    """Return the command in a client's message. `Refused`: it is none of ours, or has no good token."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("not JSON") from None
    if not isinstance(said, dict):
        raise Refused("not an object")
    return authorized(said.get("command"), said.get("args"))


def authorized(command: object, args: object) -> Command:
    """Return the command if its token is bound to that very channel; nothing else in it is trusted. Else `Refused`."""
    if command not in ("join", "leave"):
        raise Refused("only join and leave are open to clients")
    channel = args.get("channel") if isinstance(args, dict) else None
    token = args.get("token") if isinstance(args, dict) else None
    if not isinstance(channel, str) or not isinstance(token, str):
        raise Refused("args need channel and token")
    try:
        task_id = UUID(channel)
    except ValueError:
        raise Refused("a channel is a task's id") from None
    if str(task_id) != channel or verify(token, task_id) is None:
        raise Refused("the token is not one of this channel's")
    return Command("join" if command == "join" else "leave", task_id)
