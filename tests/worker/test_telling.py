"""A heart's reports on their way to a worker that does not read for hours."""

import os

from worker.telling import Teller

LONG = 5_000  # bytes: more than a pipe takes in one piece


def test_a_pipe_that_is_full_gets_each_line_whole_or_not_at_all() -> None:
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    teller = Teller(writing)
    lines = [bytes([65 + number % 26]) * (LONG + number) + b"\n" for number in range(40)]
    for line in lines:
        teller.tell(line)
    heard = os.read(reading, 1_000_000)
    teller.tell(b"now\n")
    heard += os.read(reading, 1_000_000)
    *told, rest = heard.splitlines(keepends=True)
    assert rest == b"now\n"
    assert 1 < len(told) < len(lines), "some found no room"
    assert told == lines[: len(told)]
    for end in (reading, writing):
        os.close(end)


def test_nobody_reads_any_more() -> None:
    reading, writing = os.pipe()
    teller = Teller(writing)
    os.close(reading)
    teller.tell(b"to nobody\n")
    os.close(writing)
