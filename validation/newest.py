"""The newest reading of each device in a chunk, and what the pages want to know of it. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from validation.columns import Columns
from validation.events import POINTS_PER_SECOND, Point, StoredDevice, Value
from validation.spec import Kind

POINTS_OF_CHUNK = 64  # of one device and field: three seconds of what a page can show, and chunks come several a second
MICROS_PER_SLOT = 1_000_000 // POINTS_PER_SECOND


class Newest(NamedTuple):
    """One device's newest reading in a chunk; `first` and `last` are its places in the sorted columns.

    `arrived` is when anything of the device last came, in microseconds since 1970: not always that newest reading.
    """

    device_id: int
    first: int
    last: int
    arrived: int


def newest(columns: Columns) -> Iterator[Newest]:
    """Yield each device of some columns once, in the order of their ids. Pure."""
    ends = np.flatnonzero(np.diff(columns.devices, append=-1))
    starts = np.concatenate(([0], ends[:-1] + 1))[: len(ends)]
    arrivals = np.maximum.reduceat(columns.received, starts) if len(ends) else ends
    yield from map(Newest, columns.devices[ends].tolist(), starts.tolist(), ends.tolist(), arrivals.tolist())


def stored_values(columns: Columns, place: int) -> dict[str, Value]:
    """Return what was measured in one row, by field; times as seconds since 1970, points as latitude and longitude."""
    values: dict[str, Value] = {}
    for field, column in columns.values:
        value = column[place]
        if value is not None:
            values[field.name] = _shown(field.kind, value)
    return values


def _shown(kind: Kind, value: Any) -> Value:
    if kind == "point":
        latitude, longitude = value
        return {"lat": latitude, "lon": longitude}
    shown: Value = value / 1e6 if kind == "timestamp" else value
    return shown


def in_turn(items: Sequence[Newest], most: int, after: int) -> Sequence[Newest]:
    """Return so many devices at most: those that come after one of that id, and then from the beginning again. Pure."""
    if len(items) <= most:
        return items
    begin = bisect_right(items, after, key=lambda item: item.device_id)
    return [*items[begin:], *items[:begin]][:most]


def stored_devices(columns: Columns, items: Iterable[Newest] | None = None) -> dict[str, StoredDevice]:
    """Return what the pages want to know of some devices or all: their newest values, and a thinned run of points."""
    names, order = columns.rows.devices, columns.order.tolist()
    thinned = _Thinned(columns)
    return {
        names[order[item.last]]: StoredDevice(
            ts=thinned.micros[item.last] / 1e6,
            received_at=item.arrived / 1e6,
            interval_s=None,
            values=stored_values(columns, item.last),
            points=thinned.points(item),
        )
        for item in (newest(columns) if items is None else items)
    }


class _Thinned:
    """Points of a chunk: of each device and field one for each twentieth of a second, the last one in it.

    What can be is computed for all devices at once: a chunk may have a reading each of thousands of them.
    """

    def __init__(self, columns: Columns) -> None:
        self.micros: list[int] = columns.micros.tolist()
        slots = columns.micros // MICROS_PER_SLOT
        is_last = np.ones(len(columns), dtype=bool)
        is_last[:-1] = (np.diff(slots) != 0) | (np.diff(columns.devices) != 0)
        self._is_last: list[bool] = is_last.tolist()
        self._shown = [
            (field.name, column) for field, column in columns.values if field.kind in ("number", "integer", "boolean")
        ]

    def points(self, item: Newest) -> dict[str, list[Point]]:
        """Return the points of one device by field."""
        whole = range(item.first, item.last + 1)
        ends = [place for place in whole if self._is_last[place]]
        if len(ends) > POINTS_OF_CHUNK:  # which only what is late has; evenly, up to the newest
            ends = ends[:: -ceil(len(ends) / POINTS_OF_CHUNK)][::-1]
        times = [self.micros[place] / 1e6 for place in ends]
        points: dict[str, list[Point]] = {}
        for name, column in self._shown:
            values = [column[place] for place in ends]
            run = list(zip(times, values, strict=True))
            if None in values:
                run = [point for point in run if point[1] is not None]
                if len(ends) < len(whole):
                    run = self._run_of_slots(column, whole)
            if run:
                points[name] = run
        return points

    def _run_of_slots(self, column: Sequence[Value], whole: Iterable[int]) -> list[Point]:
        """Return the last point of a field in each slot, where some slots end with a reading without that field.

        A device may well send one field in one message and the next field a millisecond later in another.
        """
        last = {self.micros[place] // MICROS_PER_SLOT: place for place in whole if column[place] is not None}
        return [(self.micros[place] / 1e6, column[place]) for place in last.values()]
