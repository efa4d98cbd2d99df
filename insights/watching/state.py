"""What is known of a device: how far its readings were looked at, and a series for each of its fields. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from insights.watching.series import KeptSeries, Series

WARM_READINGS, WARM_S = 60, 60.0  # what has to be known of a device before its silence says anything
Key = tuple[int, int]  # of a device: model and device
Packed = dict[str, KeptSeries]


@dataclass(slots=True)
class Watched:
    """A device as its model sees it. Times in microseconds since 1970.

    `series` is None while what is stored of it has not been read. `saved_at` is by the clock of the process.
    """

    first: int
    micros: int
    seq: int
    readings: int = 0
    learning_until: int | None = None
    series: dict[str, Series] | None = None
    saved_at: float = 0.0
    is_changed: bool = False
    turn: int = 0  # in which it was looked at last

    @property
    def is_known(self) -> bool:
        """Tell whether enough was seen of it to be surprised by its silence."""
        return self.readings >= WARM_READINGS and self.micros - self.first >= WARM_S * 1e6

    def series_of(self, field: str) -> Series:
        """Return the series of a field, a new one if need be."""
        if self.series is None:
            self.series = {}
        found = self.series.get(field)
        if found is None:
            found = self.series[field] = Series()
        return found

    def learns_until(self) -> int | None:
        """Return when its last series will have learned enough, None when all of them have."""
        ends = [series.detector.learning_until for series in (self.series or {}).values()]
        waiting = [end for end in ends if end is not None]
        return round(max(waiting) * 1e6) if waiting else None

    def packed(self) -> bytes:
        """Return all series as one value."""
        return msgspec.msgpack.encode({name: series.kept() for name, series in (self.series or {}).items()})

    def unpack(self, state: bytes, fields: Iterable[str]) -> None:
        """Take back what `packed` returned, of fields that the model still has."""
        try:
            kept = msgspec.msgpack.decode(state, type=Packed) if state else {}
        except msgspec.DecodeError:
            kept = {}  # of another version of this program: it learns anew
        wanted = set(fields)
        self.series = {name: Series.of(one) for name, one in kept.items() if name in wanted}
