"""The least that could hear of many tasks: `python -m tests.benchmarks.bare_listener URL < ids`.

One connection that listens to the channel of each task and reads nothing else. Prints `ready` when it listens to all, and,
when all have ended, one line of JSON: {id: time of the monotonic clock}.
"""

import json
import sys
import time

from psycopg import sql

from tests.benchmarks.stage import connect

AT_ONCE = 500  # LISTENs in one call


def main(url: str, ids: list[str]) -> None:
    """Hear them all."""
    channels = {f"task_{task.replace('-', '')}": task for task in ids}
    names = list(channels)
    connection = connect(url)
    for start in range(0, len(names), AT_ONCE):
        some = [sql.SQL("listen {}").format(sql.Identifier(name)) for name in names[start : start + AT_ONCE]]
        connection.execute(sql.SQL("; ").join(some), prepare=False)
    print("ready", flush=True)
    heard: dict[str, float] = {}
    for ring in connection.notifies():
        heard.setdefault(channels[ring.channel], time.monotonic())
        if len(heard) == len(channels):
            break
    print(json.dumps(heard))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin.read().split())
