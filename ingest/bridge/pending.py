"""Messages between the broker and a buffer: packed into batches, with the acknowledgements they owe.

All slots of a bridge share one open batch. It fills sooner than a batch per slot would, so there are fewer entries; and
one thread fills and empties it, so sharing needs no lock. What is owed is kept per connection.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ingest.bridge.counters import Counters
from ingest.bridge.packets import slice_publishes
from ingest.envelope import MAX_BYTES, MAX_DELAY_S, MAX_MESSAGES, Batch, Minutes, batch_of

# While no buffer takes batches, reading pauses above either of these, so memory is bounded whatever the broker sends.
# They are far above what a receive window lets a broker send under QoS 1, whose messages then simply wait there.
HOLD_MESSAGES = 50_000
HOLD_BYTES = 64 * 1024 * 1024


class Connection(Protocol):
    """One connection after another to the broker, told apart by their epoch; acknowledgements go to one of them."""

    epoch: int

    def owe(self, acks: Acks) -> None:
        """Remember acknowledgements that have to be sent one day."""

    def acknowledge(self, acks: Acks) -> None:
        """Send acknowledgements, unless the connection they belong to is gone."""

    def drop(self, reason: str) -> None:
        """Close the connection, so that the broker sends everything again that was not acknowledged."""


@dataclass(slots=True, eq=False)
class Acks:
    """The acknowledgements that one connection owes for one batch."""

    connection: Connection
    epoch: int
    since: float  # when the first of the messages came, on the bridge's steady clock
    numbers: list[bytes] = field(default_factory=list)  # packet numbers of two bytes each, in the order received
    settled: bool = False  # sent, or never to be sent


class Sealed(NamedTuple):
    """A closed batch, None when only platform messages came, and the acknowledgements that wait for it."""

    batch: Batch | None
    acks: list[Acks]
    messages: int
    size: int


class Pending:
    """Collect messages into batches of at most `MAX_MESSAGES`, `MAX_BYTES` and `MAX_DELAY_S`."""

    def __init__(self, source: str, counters: Counters, clock: Callable[[], float] = time.monotonic) -> None:
        self.sealed: deque[Sealed] = deque()
        self._source, self._counters, self._clock = source, counters, clock
        self._minutes = Minutes()
        self._held_messages = self._held_bytes = 0
        self._open()

    def take(self, data: bytes, start: int, connection: Connection) -> int:
        """Take every whole PUBLISH packet from `start` on and return where that ended; seal batches as they fill.

        Raises MalformedPacket; what came before the malformed packet is kept.
        """
        while True:
            room, numbers, stop, platform = MAX_MESSAGES - len(self._topics), list[bytes](), start, 0
            try:
                stop, platform = slice_publishes(data, start, room, self._topics, self._payloads, numbers)
            finally:
                self._account(connection, numbers, platform, stop - start)
            if stop == start:
                return stop
            if len(self._topics) == MAX_MESSAGES or self._size >= MAX_BYTES:
                self.seal()
            start = stop

    def due(self) -> float | None:
        """Return when the open batch has waited long enough, or None when it is empty."""
        return self._due

    def seal(self) -> None:
        """Close the open batch, unless it is empty, and open the next one."""
        if self._due is None:
            return
        messages, batch = len(self._topics), None
        if messages:
            batch = batch_of(self._source, self._minutes, self._topics, self._payloads, self._received)
        self.sealed.append(Sealed(batch, self._acks, messages, self._size))
        self._held_messages += messages
        self._held_bytes += self._size
        self._open()

    def done(self) -> Sealed:
        """Remove the oldest sealed batch, which is in a buffer or given up, and return it."""
        sealed = self.sealed.popleft()
        self._held_messages -= sealed.messages
        self._held_bytes -= sealed.size
        return sealed

    def full(self) -> bool:
        """Tell whether so much waits for a buffer that nothing more should be read."""
        return self._held_messages >= HOLD_MESSAGES or self._held_bytes >= HOLD_BYTES

    def _open(self) -> None:
        self._topics: list[bytes] = []
        self._payloads: list[bytes] = []
        self._received: list[float] = []
        self._acks: list[Acks] = []
        self._size = 0  # bytes of the packets
        self.owed = 0  # acknowledgements that wait for the open batch
        self._due: float | None = None

    def _account(self, connection: Connection, numbers: list[bytes], platform: int, size: int) -> None:
        """Keep times, counters and what is owed in step with the messages just taken."""
        new = len(self._topics) - len(self._received)
        if not (new or numbers):
            return
        now = self._clock()
        if self._due is None:
            self._due = now + MAX_DELAY_S
        self._received += [time.time()] * new
        self._size += size
        self._counters.received += new
        self._counters.platform += platform
        self._counters.unpromised += new + platform - len(numbers)
        self.owed += len(numbers)
        if numbers:
            self._owed_by(connection, now).numbers += numbers

    def _owed_by(self, connection: Connection, now: float) -> Acks:
        for acks in self._acks:
            if acks.connection is connection and acks.epoch == connection.epoch:
                return acks
        acks = Acks(connection, connection.epoch, now)
        self._acks.append(acks)
        connection.owe(acks)
        return acks
