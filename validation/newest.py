"""The newest reading of each device in a chunk, and what the pages want to know of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from validation.columns import Columns
from validation.events import POINTS_PER_SECOND, Point, StoredDevice, Value
from validation.spec import Kind

POINTS_OF_CHUNK = 64  # of one device and field: three seconds of what a page can show, and chunks come several a second
MICROS_PER_SLOT = 1_000_000 // POINTS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Newest:
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
    for first, last, arrived in zip(starts.tolist(), ends.tolist(), arrivals.tolist(), strict=True):
        yield Newest(int(columns.devices[last]), first, last, arrived)


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


def stored_devices(columns: Columns) -> dict[str, StoredDevice]:
    """Return what the pages want to know of each device: its newest values, and a thinned run of points."""
    names = columns.rows.devices
    return {
        names[int(columns.order[item.last])]: StoredDevice(
            ts=int(columns.micros[item.last]) / 1e6,
            received_at=item.arrived / 1e6,
            interval_s=None,
            values=stored_values(columns, item.last),
            points=_points(columns, item),
        )
        for item in newest(columns)
    }


def _points(columns: Columns, item: Newest) -> dict[str, list[Point]]:
    """Return the points of one device by field: one for each twentieth of a second, the last one in it."""
    whole = range(item.first, item.last + 1)
    micros = columns.micros[item.first : item.last + 1]
    slots = micros // MICROS_PER_SLOT
    last = np.flatnonzero(np.diff(slots, append=slots[-1] + 1))
    if len(last) > POINTS_OF_CHUNK:  # which only what is late has; evenly, up to the newest
        last = last[:: -ceil(len(last) / POINTS_OF_CHUNK)][::-1]
    ends, times = (last + item.first).tolist(), (micros[last] / 1e6).tolist()
    points: dict[str, list[Point]] = {}
    for field, column in columns.values:
        if field.kind in ("number", "integer", "boolean"):
            values = [column[place] for place in ends]
            run = list(zip(times, values, strict=True))
            if None in values:
                run = [point for point in run if point[1] is not None]
                if len(ends) < len(whole):
                    run = _run_of_slots(columns, column, whole)
            if run:
                points[field.name] = run
    return points


def _run_of_slots(columns: Columns, column: Sequence[Value], whole: Iterable[int]) -> list[Point]:
    """Return the last point of a field in each slot, where some slots end with a reading without that field.

    A device may well send one field in one message and the next field a millisecond later in another.
    """
    filled = (place for place in whole if column[place] is not None)
    last = {int(columns.micros[place]) // MICROS_PER_SLOT: place for place in filled}
    return [(int(columns.micros[place]) / 1e6, column[place]) for place in last.values()]
