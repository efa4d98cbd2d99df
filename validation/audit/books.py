"""What an audit finds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field

from validation.moments import moment


@dataclass(slots=True)
class Books:
    """The ledger of one buffer, or of all: readings, but messages not judged yet or never (`in_flight`, `lost`) as one.

    `lost` is what buffers held that died with their data, once somebody has written it off.
    """

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    in_flight: int = 0
    lost: int = 0

    @property
    def missing(self) -> int:
        """Return what was received and is nowhere; negative when more came out than went in."""
        return self.received - self.stored - self.duplicate - self.quarantined - self.in_flight - self.lost

    def add(self, other: Books) -> None:
        """Add another buffer's books."""
        self.received += other.received
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.in_flight += other.in_flight
        self.lost += other.lost


@dataclass(slots=True)
class Audit:
    """The answer: all books, those of each buffer, and every complaint in words.

    `minutes` has the minutes (since 1970) that were asked for, and each one that does not balance. `expired` is how
    many of the quarantined are no longer kept.
    """

    total: Books = field(default_factory=Books)
    buffers: dict[str, Books] = field(default_factory=dict)
    minutes: dict[int, Books] = field(default_factory=dict)
    expired: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Say whether everything received is accounted for."""
        return not self.complaints and self.total.missing == 0


def named(minute: int) -> str:
    """Return a minute since 1970 as people write it."""
    return f"{moment(minute * 60_000_000):%Y-%m-%d %H:%M} UTC"
