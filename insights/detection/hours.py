"""The values that each hour of the day has had, so that a usual value at an unusual hour is noticed."""

from __future__ import annotations

import struct
from array import array

from insights.detection.seen import SAME, Seen

DAY = 86400.0  # seconds
HOURS = 24
PLACES = 10  # numbers kept of each hour
LEAST_VISITS = 3  # how often an hour must have come round before its values are held against a new one
MOST_VISITS = 255
LAYOUT = struct.Struct(f"<h{HOURS}B")  # which hour it is, and how often each has come


class Hours:
    """A histogram for each hour, of which only that of the running hour is unpacked."""

    __slots__ = ("grains", "hour", "now", "values", "visits", "weights")

    def __init__(self) -> None:
        self.values = array("d", bytes(8 * HOURS * PLACES))
        self.weights = array("f", bytes(4 * HOURS * PLACES))
        self.grains = array("d", bytes(8 * HOURS))
        self.visits = [0] * HOURS
        self.hour = -1
        self.now = Seen(PLACES)

    def distance(self, at: float, value: float) -> float | None:
        """Return how far a value is from the nearest that this hour had; then count it. `at` in seconds since 1970.

        None until the hour has come round often enough to have a habit.
        """
        hour = int(at % DAY / DAY * HOURS) % HOURS
        if hour != self.hour:
            self._enter(hour)
        far = self.now.distance(value, 1.0) if self.visits[hour] >= LEAST_VISITS else None
        self.now.add(value)
        return 0.0 if far is not None and far <= SAME * abs(value) else far

    def usual(self, at: float, share: float) -> tuple[float, float] | None:
        """Return the band that holds all but `share` of this hour's values, None while it has no habit."""
        hour = int(at % DAY / DAY * HOURS) % HOURS
        if self.visits[hour] < LEAST_VISITS:
            return None
        return (self.now if hour == self.hour else self._unpacked(hour)).between(share)

    def fade(self) -> None:
        """Halve what is known of every hour."""
        running = self.hour
        for hour in range(HOURS):
            self._pack()
            self.hour, self.now = hour, self._unpacked(hour)
            self.now.fade()
        self._pack()
        self.hour, self.now = running, self._unpacked(max(0, running))

    def _enter(self, hour: int) -> None:
        self._pack()
        self.hour, self.now = hour, self._unpacked(hour)
        self.visits[hour] = min(MOST_VISITS, self.visits[hour] + 1)

    def _pack(self) -> None:
        if self.hour < 0:
            return
        start, known = self.hour * PLACES, len(self.now.values)
        empty = PLACES - known
        self.values[start : start + PLACES] = self.now.values + array("d", bytes(8 * empty))
        self.weights[start : start + PLACES] = self.now.weights + array("f", bytes(4 * empty))
        self.grains[self.hour] = self.now.grain

    def _unpacked(self, hour: int) -> Seen:
        seen, start = Seen(PLACES), hour * PLACES
        weights = self.weights[start : start + PLACES]
        known = next((place for place, weight in enumerate(weights) if not weight), PLACES)
        seen.values, seen.weights = self.values[start : start + known], weights[:known]
        seen.grain = self.grains[hour]
        return seen

    def dumps(self) -> bytes:
        """Return all of it, always equally long."""
        self._pack()
        return b"".join((
            LAYOUT.pack(self.hour, *self.visits), self.values.tobytes(), self.weights.tobytes(), self.grains.tobytes(),
        ))  # fmt: skip

    def restore(self, state: bytes) -> None:
        """Take back what `dumps` returned."""
        self.hour, *self.visits = LAYOUT.unpack_from(state)
        place = LAYOUT.size
        for name in ("values", "weights", "grains"):
            kept: array[float] = getattr(self, name)
            length = len(kept) * kept.itemsize
            setattr(self, name, array(kept.typecode, state[place : place + length]))
            place += length
        self.now = self._unpacked(max(0, self.hour))
