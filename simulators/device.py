"""One simulated device: readings go from its source into its outbox, and from there to the broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial

from simulators.connection import Answer
from simulators.counts import Counts
from simulators.outbox import Outbox, OutboxError
from simulators.sender import Sender
from simulators.session import Session, Surroundings
from simulators.source import Batch, Source

# Acknowledgements are written along with the next reading, or by themselves when there are so many or when no reading
# has come for so many seconds.
SETTLE_ROWS = 200
IDLE_S = 2.0


class Device:
    """A source, an outbox and a session. Belongs to the event loop's thread; no method blocks but for the disk.

    A disk that takes no more ends nothing: readings that cannot be kept are counted as dropped, and it is tried again
    with the next one.
    """

    def __init__(self, name: str, topic: str, source: Source, outbox: Outbox, surroundings: Surroundings) -> None:
        self.name = name
        self.counts = Counts(backlog=outbox.waiting)
        self._topic = topic
        self._source = source
        self._outbox = outbox
        self._around = surroundings
        self._sender = Sender(outbox, self.counts)
        self._session = Session(name, surroundings, self)
        self._timer: asyncio.TimerHandle | None = None
        self._began = 0.0
        self._put_at = 0.0

    @property
    def online(self) -> bool:
        """Whether the broker has accepted the device and the connection stands."""
        return self._session.online

    @property
    def done(self) -> bool:
        """Whether the source has come to its end or been stopped."""
        return self._timer is None

    @property
    def drained(self) -> bool:
        """Whether every reading is acknowledged, dropped or set aside."""
        return self._outbox.waiting == 0

    @property
    def over(self) -> bool:
        """Whether the session has been left."""
        return self._session.over

    def start(self, began: float, connect_after: float) -> None:
        """Begin to measure; `began` is the run's first moment on the loop's clock. Connect some seconds later."""
        self._began = began
        self._session.start(connect_after)
        self._plan_next()

    def check(self) -> None:
        """Do what has to be done about once a second: keep alive, go on after a rest, tidy the outbox file."""
        self._session.check(self._sender.oldest_age())
        self._guarded(self._sender.pump)
        # While readings come, each one's transaction takes the acknowledgements of those before along.
        if self.done or self._around.loop.time() - self._put_at > IDLE_S:
            self._guarded(self._outbox.settle)

    def stop(self) -> None:
        """Make no more readings."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def leave(self) -> None:
        """Say offline and disconnect; `over` tells when that is done."""
        self._session.leave()

    def cut(self) -> None:
        """Close the connection without a word."""
        self._session.cut()

    def close(self) -> None:
        """Close the outbox and settle the counts."""
        self.counts.queued = self._outbox.waiting
        self._guarded(self._outbox.close)

    def session_began(self, receive_maximum: int) -> None:
        """Send what waits, oldest first."""
        self.counts.connections += 1
        self._guarded(partial(self._sender.begin, self._session.publish, receive_maximum))

    def session_answered(self, answers: list[Answer]) -> None:
        """Let acknowledged rows go and send the next ones."""
        for answer in answers:
            self._guarded(partial(self._sender.answer, *answer))
        self._guarded(self._sender.pump)
        if self._outbox.unsettled >= SETTLE_ROWS:
            self._guarded(self._outbox.settle)

    def session_interrupted(self) -> None:
        """Remember that nothing is under way any more."""
        self._sender.interrupt()

    def _measure(self) -> None:
        elapsed = self._around.loop.time() - self._began
        batch = self._source.take(elapsed, time.time(), self._outbox.room)
        self._put(batch)
        if batch.skipped:
            self.counts.skipped += batch.skipped
            self._around.complaints.complain("slow", "this machine is too busy: devices leave readings out")
        self._plan_next()

    def _put(self, batch: Batch) -> None:
        if not batch.payloads:
            return
        self.counts.made += len(batch.payloads)
        self._put_at = self._around.loop.time()
        try:
            self.counts.dropped += self._outbox.put(self._topic, batch.payloads, batch.seq, batch.state)
        except OutboxError as error:
            self.counts.dropped += len(batch.payloads)
            self._complain(error)
        self._guarded(self._sender.pump)

    def _plan_next(self) -> None:
        due = self._source.next_at()
        self._timer = None if due is None else self._around.loop.call_at(self._began + due, self._measure)

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except OutboxError as error:
            self._complain(error)

    def _complain(self, error: OutboxError) -> None:
        self._around.complaints.complain("outbox", str(error))
