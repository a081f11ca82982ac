"""The worker's side of its heart: hears its reports, replaces it, and knows until when the worker may do what.

The deadlines are the worker's own: where the heart says nothing, they pass.
"""

import asyncio
import contextlib
import json
import logging
import signal
import subprocess
from collections.abc import Callable
from time import monotonic
from types import FrameType
from uuid import UUID

from worker.drive import Interrupted, stepping
from worker.heart import LEASE, Report, Wishes
from worker.lock import LIFE, MARGIN
from worker.run import GRACE
from worker.spawn import spawn_heart

SILENT = 12.0  # seconds without a report until a heart is replaced: over what a beat takes, and psycopg's 5 to end it
LOOKED = 1.0  # seconds between two looks of ours after which silence in between proves nothing
STARTS_WITHIN = 20.0  # seconds that a new one has, on a machine that is busy
PAUSE = 1.0  # seconds between two starts

log = logging.getLogger(__name__)


class Pulse:
    """The heart, as its worker feels it. `on_report` is called on the event loop."""

    def __init__(self, worker: UUID, on_report: Callable[[Report], None]) -> None:
        self.lease_until = monotonic() + LEASE - MARGIN
        self.until: dict[str, float] = {}  # by exclusive queue
        self.shared: set[str] = set()  # queues that are not exclusive (any more): nothing in them ends with a lock
        self.sure: set[str] = set()  # exclusive queues confirmed at the last beat; in others nothing new is begun
        self._won: dict[str, int] = {}  # the nudges of the first wishes with this queue: earlier beats don't know of it
        self.beats = asyncio.Event()  # the heart has reported, since it was last started
        self._wishes = Wishes(str(worker), "", {}, listening=False, stopping=False, nudges=0, over=False, until={})
        self._on_report = on_report
        self._heart: subprocess.Popen[bytes] | None = None
        self._unread = self._unwritten = b""
        self._news = self._dropped = False  # wishes that are not even begun to be written; an end since the last ones
        self._reports: list[Report] = []
        self._heard_at = self._looked_at = monotonic()
        self._started_at = 0.0

    def start(self, heart: subprocess.Popen[bytes] | None) -> None:
        """Take the heart; from now on SIGUSR1 interrupts a task that lost the right to run."""
        signal.signal(signal.SIGUSR1, self._interrupt)
        self._start_heart(heart)

    def introduce(self, installation: UUID) -> None:
        """Tell the heart whom it beats for; it is silent until then."""
        self._wishes = self._wishes._replace(installation=str(installation))
        self._send()

    def wish(self, *, tokens: dict[str, str | None], listening: bool, stopping: bool, over: bool) -> None:
        """Say what the heart shall tell, if that is anything new: see `Wishes`."""
        wishes = self._wishes._replace(tokens=dict(tokens), listening=listening, stopping=stopping, over=over)
        if wishes != self._wishes or self._dropped:
            self._wishes, self._dropped = wishes, False
            self._send()

    def nudge(self) -> None:
        """Have the heart beat at once."""
        self._wishes = self._wishes._replace(nudges=self._wishes.nudges + 1)
        self._send()

    def held(self, queue: str, since: float) -> None:
        """Note that a queue was won, by a call that began `since`; to be wished next."""
        self._wishes = self._wishes._replace(nudges=self._wishes.nudges + 1)
        self._won[queue] = self._wishes.nudges
        self.until[queue] = since + LIFE - MARGIN
        self.sure.add(queue)

    def dropped(self, queue: str) -> None:
        """Note that a queue is held no longer."""
        self._dropped = self.until.pop(queue, None) is not None or self._dropped
        self._won.pop(queue, None)
        self.sure.discard(queue)

    def may_run(self, queue: str, *, exclusive: bool) -> bool:
        """Whether a task of this queue may go on, or begin. Takes reports in where they decide."""
        if monotonic() >= self._end(queue, exclusive=exclusive):
            self._read()
        return monotonic() < self._end(queue, exclusive=exclusive)

    def listen(self) -> None:
        """Hear what has come in, and replace a heart that has stopped beating. To be called all the time."""
        now = monotonic()
        since, self._looked_at = now - self._looked_at, now
        if since > LOOKED:  # we were stopped ourselves, and so perhaps was the heart: it has its time anew
            self._heard_at = min(self._heard_at + since, now)
        self._read()
        for report in self._reports:
            self.beats.set()
            self._on_report(report)
        self._reports.clear()
        patience = SILENT if self.beats.is_set() else STARTS_WITHIN
        silent = self._wishes.installation and now - self._heard_at > patience
        if self._heart is not None and (self._heart.poll() is not None or silent):
            log.error("the heart process has stopped beating; starting another one")
            self.stop()
        if self._heart is None and now - self._started_at > PAUSE:
            self._start_heart(spawn_heart())

    def stop(self) -> None:
        """End the heart."""
        if self._heart is None:
            return
        for pipe in (self._heart.stdin, self._heart.stdout):
            assert pipe is not None
            asyncio.get_running_loop().remove_reader(pipe.fileno())
            asyncio.get_running_loop().remove_writer(pipe.fileno())
            with contextlib.suppress(OSError):
                pipe.close()
        self._heart.kill()
        self._heart.wait()
        self._heart = None

    def _end(self, queue: str, *, exclusive: bool) -> float:
        return min(self.lease_until, self.until.get(queue, 0.0)) if exclusive else self.lease_until

    def _start_heart(self, heart: subprocess.Popen[bytes] | None) -> None:
        self._started_at = self._heard_at = monotonic()
        self._heart = heart
        if heart is None:
            return
        assert heart.stdout is not None
        self._unread = self._unwritten = b""
        self.beats.clear()
        asyncio.get_running_loop().add_reader(heart.stdout.fileno(), self.listen)
        self._send()

    def _send(self) -> None:
        """Have the wishes written: now, or when the heart has read what is under way; newer ones replace older ones."""
        self._news = True
        self._write()

    def _write(self) -> None:
        if self._heart is None or self._heart.stdin is None:
            return
        if not self._unwritten and self._news:
            wishes = self._wishes._replace(until=self.until | {"": self.lease_until})
            self._unwritten = json.dumps(wishes).encode() + b"\n"
            self._news = False
        loop, pipe = asyncio.get_running_loop(), self._heart.stdin
        loop.remove_writer(pipe.fileno())
        with contextlib.suppress(OSError):  # a heart that is dead is replaced soon
            # Of a thousand queues they are more than a pipe holds.
            self._unwritten = self._unwritten[pipe.write(self._unwritten) or 0 :]
            if self._unwritten or self._news:
                loop.add_writer(pipe.fileno(), self._write)

    def _read(self) -> None:
        """Take in reports; move the deadlines. Also called by the signal handler, so it tells nobody."""
        if self._heart is None or self._heart.stdout is None:
            return
        with contextlib.suppress(OSError):
            while chunk := self._heart.stdout.read(65536):
                self._unread += chunk
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            report = Report(*json.loads(line))
            self._heard_at = monotonic()
            self._reports.append(report)
            if report.beaten:
                self.lease_until = max(self.lease_until, report.at + LEASE - MARGIN)
            for queue in report.held:
                if queue in self.until:
                    self.until[queue] = max(self.until[queue], report.at + LIFE - MARGIN)
            held = set(report.held)  # of what was won since its wishes were read, it tells nothing
            self.sure = {queue for queue in self.until if queue in held or self._won[queue] > report.nudges}

    def _interrupt(self, _signal: int, _frame: FrameType | None) -> None:
        """Raise inside a task that keeps the event loop busy after its claim was lost."""
        run, now = stepping(), monotonic()
        if run is None or now - max(run.interrupted_at, run.asked_at if run.stop == "lost" else float("-inf")) < GRACE:
            return
        exclusive = run.queue in self.until and run.queue not in self.shared
        if run.lost or not self.may_run(run.queue, exclusive=exclusive):
            run.interrupted_at, run.lost = now, True
            if run.stop is None:
                run.stop, run.asked_at = "lost", now
            raise Interrupted("the worker lost the right to run this task")
