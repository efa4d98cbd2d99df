"""Make the points of each series: values as they are or buckets, thinned, with a mark where a device was silent. Pure.

A device is silent when nothing came for more than three of its expected intervals, and at least five seconds; in
buckets, when at least one of them is empty as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validation.history.bucketing import Parts, values_of
from validation.history.edges import SECOND
from validation.history.question import Function
from validation.history.reading import Column
from validation.history.thinning import kept_around, silences_between
from validation.presence import ONLINE_AT_LEAST_S, ONLINE_INTERVALS
from validation.spec import FieldSpec

Points = NDArray[np.float64] | list[list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One series: what it shows and its points, oldest first; times are seconds since 1970.

    A point is [time, value] of a reading, and [time, value, smallest, largest, count] of a bucket; after the last one
    before a silence stands one without values. `function` is None for readings. `shift_s` is how much earlier the
    points were measured than their times say: more than 0 in a period that another one is compared with. `whole` is
    how many points there were before thinning.
    """

    model: str
    field: FieldSpec
    device: str | None
    tag: str | None
    function: Function | None
    shift_s: float
    points: Points
    whole: int


def of_readings(column: Column, field: FieldSpec, pause: float, at_most: int, shift: int) -> tuple[Points, int]:
    """Return the points of the readings of one device, and how many readings there were.

    A pause of more microseconds is a silence. `shift` is added to the times.
    """
    count = len(column.micros)
    silences = np.flatnonzero(np.diff(column.micros) > pause)
    places = kept_around(column.values, silences, at_most)
    after = silences_between(places, silences)
    times = column.micros[places] + shift
    marks = (times[after] + times[after + 1]) // 2 if len(after) else times[after]
    if field.kind == "number":
        points = np.column_stack((times / SECOND, column.values[places]))
        if not len(after):
            return points, count
        gaps = np.column_stack((marks / SECOND, np.full(len(marks), np.nan)))
        return np.insert(points, after + 1, gaps, axis=0), count
    listed = [list(pair) for pair in zip((times / SECOND).tolist(), column.values[places].tolist(), strict=True)]
    for place, mark in zip(after[::-1].tolist(), (marks / SECOND)[::-1].tolist(), strict=True):
        listed.insert(place + 1, [mark, None])
    return listed, count


def of_buckets(
    parts: Parts, edges: NDArray[np.int64], function: Function, pause: float, at_most: int, shift: int
) -> tuple[Points, int]:
    """Return the points of the buckets of one series, and how many there were; `pause` and `shift` as above."""
    count = len(parts.starts)
    places_in_time = np.searchsorted(edges, parts.starts)
    is_silent = (np.diff(places_in_time) > 1) & (np.diff(parts.starts) > pause)
    silences = np.flatnonzero(is_silent)
    values = values_of(parts, function)
    places = kept_around(values, silences, at_most)
    after = silences_between(places, silences)
    nothing = np.full(count, np.nan) if function == "count" else None
    low, high = (parts.min, parts.max) if nothing is None else (nothing, nothing)
    whole = np.column_stack(((parts.starts + shift) / SECOND, values, low, high, parts.count))
    if not len(after):
        return (whole if len(places) == count else whole[places]), count
    marks = np.zeros((len(after), whole.shape[1]))
    marks[:, 0] = (edges[places_in_time[places[after]] + 1] + shift) / SECOND
    marks[:, 1:4] = np.nan
    return np.insert(whole[places], after + 1, marks, axis=0), count


def longest_pause(interval_s: float) -> float:
    """Return after how many microseconds without a reading a device counts as silent."""
    return max(ONLINE_INTERVALS * interval_s, ONLINE_AT_LEAST_S) * SECOND
