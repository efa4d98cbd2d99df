"""A device that measures at a steady rate, from now on."""

from __future__ import annotations

import math

from simulators.profiles import Profile
from simulators.source import Batch

LATE_S = 5.0  # a process that was held up for longer than this leaves readings out instead of making them all at once


class LiveSource:
    """One reading every `interval` seconds, the first after `phase`, the last before `until` (seconds of this run)."""

    def __init__(
        self, profile: Profile, interval: float, phase: float = 0.0, until: float | None = None, seq: int = 0
    ) -> None:
        """`seq` is the last sequence number that was used; it grows by one a reading."""
        self._profile = profile
        self._interval = interval
        self._phase = phase
        self._until = math.inf if until is None else until
        self._seq = seq
        self._turn = 0

    def next_at(self) -> float | None:
        """Return when the next reading is due, in seconds of this run; None after the last."""
        due = self._phase + self._turn * self._interval
        return due if due < self._until else None

    def take(self, elapsed: float, now: float, room: int) -> Batch:
        """Measure now. A full outbox is no reason not to: it drops its oldest."""
        self._turn += 1
        self._seq += 1
        behind = elapsed - self._phase - self._turn * self._interval
        skipped = math.floor(behind / self._interval) if behind > max(LATE_S, self._interval) else 0
        self._turn += skipped
        return Batch([self._profile.payload(now, self._seq)], self._seq, self._profile.state(), skipped)
