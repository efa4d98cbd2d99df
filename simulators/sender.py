"""Send an outbox through a connection, in order, a few rows ahead of their acknowledgements."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulators.backoff import Backoff
from simulators.counts import Counts
from simulators.outbox import Outbox
from simulators.refusals import Refusals

# Unacknowledged publishes of one device. Small, because all of them are sent again after a lost connection;
# large enough that a full outbox drains at thousands of rows a second over a local network.
WINDOW = 20

Publish = Callable[[str, bytes], int | None]
"""Hand a topic and a payload to the connection; return the packet's number, or None when the connection is lost."""


class Sender:
    """Feeds one connection after the other from one outbox.

    At most a window of rows is under way. Whatever is unanswered when a connection ends is sent again on the
    next one, oldest first, before anything newer: the broker may see a row twice, but in order and never not
    at all. All methods may raise OutboxError.
    """

    def __init__(self, outbox: Outbox, counts: Counts, backoff: Backoff | None = None) -> None:
        self._outbox = outbox
        self._counts = counts
        self._backoff = backoff or Backoff()
        self._refusals = Refusals()
        self._publish: Publish | None = None
        self._window = 0
        self._under_way: dict[int, tuple[int, float]] = {}  # packet number -> row, when it was sent
        self._cursor = 0  # every row up to here is under way, answered or gone
        self._farthest = 0  # the newest row ever sent
        self._resume_at: float | None = None  # sending rests until then, after a refusal
        self._reason = ""  # the broker's for its last refusal
        self._unheard = False  # nobody subscribed when the last row came to the broker

    def begin(self, publish: Publish, receive_maximum: int) -> None:
        """Start on a fresh connection, whose broker takes `receive_maximum` unacknowledged publishes."""
        self._publish = publish
        self._window = max(1, min(WINDOW, receive_maximum))
        self._cursor = 0
        self.pump()

    def interrupt(self) -> None:
        """Forget the lost connection and what was under way on it."""
        self._publish = None
        self._under_way.clear()

    def pump(self) -> None:
        """Publish waiting rows as far as the window allows. Does nothing while disconnected or resting."""
        if self._publish is None or self._is_resting():
            return
        if self._refusals:
            self._forget_dropped()
        # While nobody listens, rows go one by one: the first to be heard must be the oldest.
        window = 1 if self._unheard else min(self._window, self._refusals.window or self._window)
        free = window - len(self._under_way)
        if free <= 0 or self._cursor >= self._outbox.newest:
            return
        for row in self._outbox.after(self._cursor, free):
            number = self._publish(row.topic, row.payload)
            if number is None:
                return
            self._under_way[number] = (row.id, time.monotonic())
            self._cursor = row.id
            if row.id > self._farthest:
                self._farthest = row.id
                self._counts.sent += 1
            else:
                self._counts.resent += 1

    def answer(self, number: int, refusal: str | None, unheard: bool = False) -> None:
        """Take the PUBACK of packet `number`; `refusal` is the broker's reason, None for success.

        An `unheard` row is one that the broker took for nobody: it stays, and is sent again until somebody subscribes.
        Mosquitto 2.0, for one, forgets shared subscriptions when it restarts, until their subscribers are back.

        A number that is not known is passed over. Call `pump` afterwards.
        """
        row_id, _ = self._under_way.pop(number, (None, 0.0))
        if row_id is None:
            return
        if unheard:
            self._unheard = True
            self._counts.refused += 1
            self._rest()
        elif refusal is None:
            self._accepted(row_id)
        else:
            self._refused(row_id, refusal)

    def oldest_age(self) -> float:
        """Return for how many seconds the oldest publish under way has had no answer; 0 when nothing is."""
        if not self._under_way:
            return 0.0
        return time.monotonic() - next(iter(self._under_way.values()))[1]

    def _accepted(self, row_id: int) -> None:
        self._unheard = False
        if self._outbox.acknowledge(row_id):
            self._counts.acknowledged += 1
        self._backoff.reset()
        if self._refusals:
            self._judge(row_id)

    def _refused(self, row_id: int, reason: str) -> None:
        self._counts.refused += 1
        self._reason = reason
        self._refusals.refuse(row_id)
        self._rest()

    def _rest(self) -> None:
        if self._resume_at is None:
            self._resume_at = time.monotonic() + self._backoff.next()

    def _judge(self, accepted: int) -> None:
        under_way = {row_id for row_id, _ in self._under_way.values()}
        for convicted in self._refusals.accept(accepted, under_way):
            if self._outbox.set_aside(convicted, self._reason):
                self._counts.set_aside += 1
        if not self._refusals:
            self._resume_at = None

    def _forget_dropped(self) -> None:
        """Forget refused rows that a full outbox has dropped meanwhile."""
        oldest = self._outbox.after(0, 1)
        self._refusals.forget_below(oldest[0].id if oldest else self._outbox.newest + 1)

    def _is_resting(self) -> bool:
        if self._resume_at is None:
            return False
        # The rest ends when everything under way is answered: only then is it known which row is the oldest left.
        if self._under_way or time.monotonic() < self._resume_at:
            return True
        self._resume_at = None
        self._cursor = 0
        return False
