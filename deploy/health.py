"""Health check of a container: `python deploy/health.py URL` or `python deploy/health.py worker`. Exit 0: healthy."""

import asyncio
import sys
import urllib.error
import urllib.request

DEADLINE = 4.0  # seconds; below the timeout that compose.yaml gives a check


def answers(url: str) -> bool:
    """Tell whether `url` answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE):  # noqa: S310 - an address from compose.yaml
            return True
    except (OSError, urllib.error.HTTPError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - docker inspect shows it
        return False


if __name__ == "__main__":
    sys.exit(0 if answers(sys.argv[1]) else 1)
