"""Add up parts of time to buckets: single readings, or what rollups hold of a minute, an hour, a day. Pure.

A part is count, sum, smallest, largest, first and last value of a field of one device from some moment on; a reading
is a part of one. So the same lines answer from raw readings and from rollups, and both give the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validation.history.question import Function

Numbers = NDArray[np.float64]
LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of one field, ordered by device and time; `starts` in microseconds since 1970.

    Of a field that is no number only the counts mean anything.
    """

    devices: NDArray[np.int32]
    starts: NDArray[np.int64]
    count: Numbers
    sum: Numbers
    min: Numbers
    max: Numbers
    first: Numbers
    last: Numbers

    def between(self, first: int, last: int) -> Parts:
        """Return the parts from one place up to another."""
        return Parts(*(getattr(self, name)[first:last] for name in Parts.__slots__))


def of_readings(devices: NDArray[np.int32], micros: NDArray[np.int64], values: Numbers) -> Parts:
    """Return readings as parts of one each."""
    return Parts(devices, micros, np.ones(len(micros)), values, values, values, values, values)


@dataclass(frozen=True, slots=True)
class Members:
    """Which devices each group holds, ordered by device; a device may be in several groups or in none."""

    devices: NDArray[np.int32]
    groups: NDArray[np.intp]


def members(groups: Sequence[Sequence[int]]) -> Members:
    """Return the members of groups that are given as device ids."""
    devices = np.array([device for group in groups for device in group], dtype=np.int32)
    numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    order = np.argsort(devices, kind="stable")
    return Members(devices[order], numbers[order])


def bucketed(parts: Parts, marks: NDArray[np.int64], into: Members) -> tuple[NDArray[np.intp], Parts]:
    """Add parts up between the marks and over the members of each group.

    Returns the group of each result, and the results ordered by group and time, only those with a reading in them;
    their `devices` mean nothing.
    """
    rows, groups = _memberships(parts, marks, into)
    starts = parts.starts[rows]
    buckets = np.searchsorted(marks, starts, side="right") - 1
    keys = groups * len(marks) + buckets
    if len(keys) and (np.diff(keys) < 0).any():
        order = np.argsort(keys, kind="stable")
        rows, keys = rows[order], keys[order]
    begins = np.flatnonzero(np.diff(keys, prepend=-1))
    ends = np.append(begins[1:], len(keys)) - 1
    if not len(begins):
        return np.zeros(0, dtype=np.intp), parts.between(0, 0)
    found = Parts(
        parts.devices[rows[begins]],
        marks[keys[begins] % len(marks)],
        np.add.reduceat(parts.count[rows], begins),
        _added(parts.sum[rows], begins),
        np.minimum.reduceat(parts.min[rows], begins),
        np.maximum.reduceat(parts.max[rows], begins),
        parts.first[rows[begins]],
        parts.last[rows[ends]],
    )
    return keys[begins] // len(marks), found


def _added(sums: Numbers, begins: NDArray[np.intp]) -> Numbers:
    """Add up; a sum beyond what a double holds stays at the largest one, as it does in rollups."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.clip(np.add.reduceat(sums, begins), -LARGEST, LARGEST)


def _memberships(parts: Parts, marks: NDArray[np.int64], into: Members) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of the parts that count, once for each group that they are in, and the groups."""
    left = np.searchsorted(into.devices, parts.devices, side="left")
    times = np.searchsorted(into.devices, parts.devices, side="right") - left
    inside = (parts.count > 0) & (parts.starts >= marks[0]) & (parts.starts < marks[-1])
    times[~inside] = 0
    rows = np.repeat(np.arange(len(times)), times)
    nth = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    return rows, into.groups[left[rows] + nth]


def values_of(parts: Parts, function: Function) -> Numbers:
    """Return what a function makes of each part."""
    computed: Mapping[Function, Numbers] = {
        "min": parts.min,
        "max": parts.max,
        "sum": parts.sum,
        "count": parts.count,
        "first": parts.first,
        "last": parts.last,
    }
    return parts.sum / parts.count if function == "avg" else computed[function]
