"""What became of a device's readings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


@dataclass(slots=True)
class Counts:
    """Readings of one device in this run: `backlog + made = acknowledged + queued + dropped + set_aside` at the end."""

    backlog: int = 0  # were in the outbox when the run began
    made: int = 0  # new ones
    skipped: int = 0  # not made at all, because this process got no time for it for seconds on end
    sent: int = 0  # published at least once; a repeat is not counted here
    acknowledged: int = 0  # the broker said success, and the row is gone
    queued: int = 0  # still in the outbox at the end
    dropped: int = 0  # lost: the oldest of a full outbox, or a disk that took no more
    refused: int = 0  # times the broker answered with an error, or had nobody to give it to; the row stays
    set_aside: int = 0  # rows the broker would never take, kept in the outbox file's table `refused`
    resent: int = 0  # publishes that were repeats, after a lost connection or a refusal
    connections: int = 0  # times the broker accepted the device

    def add(self, other: Counts) -> None:
        """Add another device's counts to these."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name, in the order above."""
        return asdict(self)


def total(counts: list[Counts]) -> Counts:
    """Return the sum of many devices' counts."""
    result = Counts()
    for each in counts:
        result.add(each)
    return result
