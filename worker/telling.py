"""Lines written to a pipe that is perhaps not read for hours: each whole, or not at all."""

import os


class Teller:
    """Writes to a descriptor that does not block. What finds no room at all is left out."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._rest = b""  # of a line that is half told

    def tell(self, line: bytes) -> None:
        """Tell a line, after the rest of the one before."""
        self._rest = self._write(self._rest)
        if not self._rest:
            rest = self._write(line)
            self._rest = b"" if rest == line else rest

    def _write(self, data: bytes) -> bytes:
        """Return what did not fit."""
        try:
            return data[os.write(self._descriptor, data) :] if data else data
        except BlockingIOError:
            return data
        except BrokenPipeError:  # nobody reads any more, which is noticed elsewhere
            return b""
