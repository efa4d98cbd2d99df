"""What an hour of the day, or of the week, usually brings to a series."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

DAY = 86400.0  # seconds
WEEK = 7 * DAY
LEAST_VISITS = 2.0  # how often an hour must have come round before it is expected to bring the same again
NEWEST = 0.2  # weight of the newest visit once there were several: a habit of a week or so
CLIP = 3.0  # spreads; what lies farther out moves the baseline no more than that


class Rhythm:
    """Level and spread of each bin of a period, learned one visit at a time.

    A bin's readings are averaged while it lasts and folded in when the next one begins, so a reading never counts to
    what it is compared with.
    """

    __slots__ = ("bin", "bins", "level", "period", "readings", "spread", "total", "visits", "width")

    def __init__(self, period: float, bins: int) -> None:
        """Learn a `period` in seconds of so many bins."""
        self.period, self.bins, self.width = period, bins, period / bins
        self.level = array("f", bytes(4 * bins))
        self.spread = array("f", bytes(4 * bins))
        self.visits = array("f", bytes(4 * bins))
        self.bin = -1
        self.readings = self.total = 0.0

    def residual(self, at: float, value: float) -> float | None:
        """Return how far a value is from what its bin brings, None while that is not known; then learn from it."""
        now = int(at % self.period / self.width) % self.bins
        if now != self.bin:
            self._fold()
            self.bin = now
        self.readings += 1.0
        self.total += value
        return value - self.level[now] if self.visits[now] >= LEAST_VISITS else None

    def expected(self, at: float) -> tuple[float, float] | None:
        """Return level and spread of the bin of a time, None while they are not known."""
        now = int(at % self.period / self.width) % self.bins
        return (self.level[now], self.spread[now]) if self.visits[now] >= LEAST_VISITS else None

    def _fold(self) -> None:
        if not self.readings:
            return
        now, mean = self.bin, self.total / self.readings
        self.readings = self.total = 0.0
        self.visits[now] = min(self.visits[now] + 1.0, 1.0 / NEWEST)
        rate = 1.0 / self.visits[now]
        off = mean - self.level[now]
        if self.visits[now] > LEAST_VISITS:
            reach = CLIP * self.spread[now]
            off = min(reach, max(-reach, off)) if reach else off
        self.level[now] += rate * off
        self.spread[now] += rate * (abs(off) - self.spread[now])

    def numbers(self) -> list[float]:
        """Return all of it as numbers, always equally many."""
        return [float(self.bin), self.readings, self.total, *self.level, *self.spread, *self.visits]

    def restore(self, numbers: Iterator[float]) -> None:
        """Take back what `numbers` returned."""
        self.bin, self.readings, self.total = int(next(numbers)), next(numbers), next(numbers)
        for kept in (self.level, self.spread, self.visits):
            for i in range(self.bins):
                kept[i] = next(numbers)
