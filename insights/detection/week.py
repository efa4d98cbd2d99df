"""What each hour of the week usually brings."""

from __future__ import annotations

import struct
from array import array

HOUR = 3600.0  # seconds
HOURS = 168
LEAST_VISITS = 2  # how often an hour must have come round before anything is expected of it
MOST_VISITS = 4  # a habit of a month: the newest visit counts for a quarter
LAYOUT = struct.Struct("<hdd")  # the running hour, its readings and their sum


class Week:
    """The mean value of each hour of the week, learned from whole hours once they are over.

    So a reading never counts to what it is compared with, and an hour weighs the same whether it brought one reading or
    thousands. 1970 began on a Thursday, which does not matter here: a week is any seven days.
    """

    __slots__ = ("hour", "level", "readings", "total", "visits")

    def __init__(self) -> None:
        self.level = array("f", bytes(4 * HOURS))
        self.visits = bytearray(HOURS)
        self.hour = -1
        self.readings = self.total = 0.0

    def residual(self, at: float, value: float) -> float | None:
        """Return how far a value is from what its hour brings, None while that is not known; then learn from it."""
        hour = int(at // HOUR) % HOURS
        if hour != self.hour:
            self._learn()
            self.hour = hour
        self.readings += 1.0
        self.total += value
        return value - self.level[hour] if self.visits[hour] >= LEAST_VISITS else None

    def _learn(self) -> None:
        if self.hour < 0:
            return
        mean = self.total / self.readings
        visits = self.visits[self.hour] = min(MOST_VISITS, self.visits[self.hour] + 1)
        self.level[self.hour] += (mean - self.level[self.hour]) / visits
        self.readings = self.total = 0.0

    def dumps(self) -> bytes:
        """Return all of it, always equally long."""
        return LAYOUT.pack(self.hour, self.readings, self.total) + bytes(self.visits) + self.level.tobytes()

    def restore(self, state: bytes) -> None:
        """Take back what `dumps` returned."""
        self.hour, self.readings, self.total = LAYOUT.unpack_from(state)
        self.visits = bytearray(state[LAYOUT.size : LAYOUT.size + HOURS])
        self.level = array("f", state[LAYOUT.size + HOURS :])
