"""Health check of a container: `python deploy/health.py URL` or `python deploy/health.py worker`. Exit 0: healthy."""  # noqa: INP001 - a script

import os
import socket
import sys

DEADLINE = 4.0  # seconds; below the timeout that compose.yaml gives a check


def check_answer(url: str) -> None:
    """End with a sentence unless `url` answers with success."""
    import urllib.request  # noqa: PLC0415 - each check imports what it needs and no more: it runs every few seconds

    try:
        with urllib.request.urlopen(url, timeout=DEADLINE):  # noqa: S310 - an address from compose.yaml
            return
    except OSError as error:
        sys.exit(f"{url}: {error}")


def check_worker() -> None:
    """End with a sentence unless the database has heard of this container's worker within the last seconds."""
    sys.path.insert(0, ".")
    import psycopg  # noqa: PLC0415 - not every service has them

    from db.beating import worker_beats  # noqa: PLC0415 - not every service has them

    try:
        beats = worker_beats(os.environ["DATABASE_URL"], socket.gethostname())
    except psycopg.Error as error:
        sys.exit(str(error))
    if not beats:
        sys.exit("the database has not heard of this worker for a while")


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        check_worker()
    else:
        check_answer(sys.argv[1])
