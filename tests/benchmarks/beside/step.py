"""One measure of one peer, once, run by that peer's own Python: `step.py RUN_PY ARGUMENT…`. Needs nothing of ours.

BESIDE holds, as JSON, what is set on the peer's class first: numbers of jobs, modes, the seconds after which it stops.
"""

import importlib
import json
import os
import runpy
import sys
from typing import Any


def main(script: str, *arguments: str) -> None:
    """Run the peer's script as the harness would, but with these settings."""
    sys.path[0] = os.environ["PEERS"]  # in place of this folder, whose modules are no business of a peer's
    bench: Any = importlib.import_module("bench")
    plain = bench.main

    def with_settings(peer: type) -> None:
        for name, value in json.loads(os.environ["BESIDE"]).items():
            setattr(peer, name, value)
        plain(peer)

    bench.main = with_settings
    sys.argv = [script, *arguments]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
