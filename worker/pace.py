"""How many tasks a queue's worker claims ahead: never more than about 50 ms of work."""

AHEAD_SECONDS = 0.05  # of work that may wait, claimed and not begun
MOST_AHEAD = 1000
PATIENCE = 1.0  # seconds in which a batch must be through, or what waits in it is given back


class Batch:
    """The tasks of one claim."""

    __slots__ = ("began", "done", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.began = 0.0  # when the first of them began
        self.done = 0


class Pace:
    """Learns from finished batches. `ahead` is how many tasks to claim beyond those that can run at once."""

    def __init__(self) -> None:
        self.ahead = 0

    def ended(self, batch: Batch, now: float) -> None:
        """Note that one of a batch's tasks is through."""
        batch.done += 1
        if batch.done == batch.size:
            self.finished(batch, now)

    def finished(self, batch: Batch, now: float) -> None:
        """Note that a batch is through: short ones double what is claimed ahead, long ones shrink it."""
        took = now - batch.began
        if took > AHEAD_SECONDS:
            self.ahead = int(min(self.ahead, batch.size) * AHEAD_SECONDS / took)
        elif took < AHEAD_SECONDS / 2 and batch.size * 2 >= self.ahead:
            self.ahead = min(max(self.ahead * 2, 1), MOST_AHEAD)

    def too_slow(self, batch: Batch, now: float) -> bool:
        """Whether a batch takes longer than a second; then `ahead` is what it does in 50 ms."""
        took = now - batch.began
        if took < PATIENCE:
            return False
        self.ahead = min(self.ahead, int(batch.done * AHEAD_SECONDS / took))
        return True
