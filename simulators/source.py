"""Where a device's readings come from."""

from __future__ import annotations

from typing import NamedTuple, Protocol


class Batch(NamedTuple):
    """Readings to be put into the outbox together."""

    payloads: list[bytes]
    seq: int | None = None  # of the last one, to be remembered; None leaves what is remembered
    state: str | None = None  # likewise
    skipped: int = 0  # readings that were left out before these, because their time had long gone by


class Source(Protocol):
    """Something that has readings at certain times. Times are seconds since the run began."""

    def next_at(self) -> float | None:
        """Return when to call `take` next, which may be a time gone by; None when there is nothing more to come."""

    def take(self, elapsed: float, now: float, room: int) -> Batch:
        """Return what is due. `now` is the same moment in epoch seconds, `room` what fits into the outbox."""
