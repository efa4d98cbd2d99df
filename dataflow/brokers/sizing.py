"""How large a broker's queues must be to survive an outage of everything behind it. Pure arithmetic."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingest.bridge.client import RECEIVE_MAXIMUM
from ingest.bridge.packets import MAX_PACKET_BYTES

MIB = 1024 * 1024
# Payloads may be so many times larger than stated before the limit in bytes is reached instead of that in messages.
LARGER = 5
OTHERS = 100  # connections besides the devices': bridges, site, people with tools
MOST_MESSAGES = 100_000_000  # more than any broker holds in a session


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What has to be survived: messages a second of all devices together, for so many seconds nobody fetches them.

    `payload` is the bytes of an ordinary message, `packet` the most that any may have. Raises ValueError.
    """

    rate: float = 1_000.0
    outage: float = 1_000.0
    payload: int = 100
    packet: int = 4 * MIB
    devices: int = 10_000

    def __post_init__(self) -> None:
        if min(self.rate, self.outage, self.payload, self.devices) <= 0:
            raise ValueError("The rate, the outage, the payload and the devices must be more than 0.")
        if self.messages > MOST_MESSAGES:
            raise ValueError(f"{self.messages:,} messages are more than a broker holds for one session.")
        if not self.payload <= self.packet <= MAX_PACKET_BYTES:
            raise ValueError(f"A packet must be from {self.payload} to {MAX_PACKET_BYTES} bytes, which a bridge takes.")

    @property
    def messages(self) -> int:
        """Return how many messages one session must be able to hold."""
        return math.ceil(self.rate * self.outage)

    @property
    def queue_bytes(self) -> int:
        """Return a limit in bytes that is there to protect the memory, and never the first one to be reached."""
        return math.ceil(max(self.messages * self.payload * LARGER, self.packet) / (16 * MIB)) * 16 * MIB

    @property
    def window(self) -> int:
        """Return how many messages a bridge wants ahead of its acknowledgements."""
        return RECEIVE_MAXIMUM

    @property
    def connections(self) -> int:
        """Return how many connections have to be possible."""
        return self.devices + OTHERS


def megabytes(count: float) -> str:
    """Return bytes in words, rounded to what an estimate is worth."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, round(count / 1e6))} MB"


def duration(seconds: float) -> str:
    """Return a time in words."""
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
