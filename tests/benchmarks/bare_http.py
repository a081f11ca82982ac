"""Just enough HTTP for a load generator: a request that posts a task, and where its answer ends."""

import re

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def post(host: str, port: int, key: str, body: bytes) -> bytes:
    """Return the whole request."""
    head = f"POST /api/tasks HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answer(data: bytes) -> bytes | None:
    """Return the body of the answer that `data` holds; None while it is not all there. `AssertionError`: not accepted."""
    head, found, body = data.partition(b"\r\n\r\n")
    length = LENGTH.search(head)
    if not found or length is None or len(body) < int(length[1]):
        return None
    assert head.startswith(b"HTTP/1.1 202"), data
    return body
