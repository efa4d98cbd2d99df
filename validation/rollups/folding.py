"""Buckets as columns, and how those of one level are folded into larger ones. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from validation.rollups.sql import MAX_VALUES, REST

Floats = NDArray[np.float64]
Values = list[dict[str, int] | None]  # by bucket, how often each value came; None where the field did not come


@dataclass(slots=True)
class Numbers:
    """A number's parts by bucket; nan where it did not come, `count` is 0 there."""

    count: Floats
    sum: Floats
    min: Floats
    max: Floats
    first: Floats
    last: Floats


@dataclass(slots=True)
class Buckets:
    """Buckets sorted by device and start (microseconds since 1970), all with at least one reading.

    `counts` has how often a field that is neither a number nor one of few values came. `recomputing` is how many
    buckets of what was asked for are known to be out of date: a task has yet to compute them again.
    """

    devices: NDArray[np.int32]
    starts: NDArray[np.int64]
    readings: NDArray[np.int64]
    numbers: dict[str, Numbers] = field(default_factory=dict)
    values: dict[str, Values] = field(default_factory=dict)
    counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    recomputing: int = 0

    def __len__(self) -> int:
        return len(self.devices)

    def take(self, places: NDArray[np.intp]) -> Buckets:
        """Return the buckets at some places, in that order."""
        return Buckets(
            self.devices[places],
            self.starts[places],
            self.readings[places],
            {name: _each(numbers, places) for name, numbers in self.numbers.items()},
            {name: [column[place] for place in places.tolist()] for name, column in self.values.items()},
            {name: column[places] for name, column in self.counts.items()},
            self.recomputing,
        )


def _each(numbers: Numbers, places: NDArray[np.intp]) -> Numbers:
    return Numbers(*(getattr(numbers, part.name)[places] for part in fields(Numbers)))


def joined(parts: Sequence[Buckets]) -> Buckets:
    """Return all buckets of some, which have the same fields and none of the same buckets, in order."""
    some = [part for part in parts if len(part)]
    if len(some) < 2:  # mostly: copying and sorting a month of a hundred devices takes longer than reading it
        one = (some or parts)[0]
        one.recomputing = sum(part.recomputing for part in parts)
        return one
    first = some[0]
    whole = Buckets(
        np.concatenate([part.devices for part in some]),
        np.concatenate([part.starts for part in some]),
        np.concatenate([part.readings for part in some]),
        {name: _joined([part.numbers[name] for part in some]) for name in first.numbers},
        {name: [value for part in some for value in part.values[name]] for name in first.values},
        {name: np.concatenate([part.counts[name] for part in some]) for name in first.counts},
        sum(part.recomputing for part in parts),
    )
    return whole.take(np.lexsort((whole.starts, whole.devices)))


def _joined(parts: Sequence[Numbers]) -> Numbers:
    return Numbers(*(np.concatenate([getattr(part, name.name) for part in parts]) for name in fields(Numbers)))


def fold(buckets: Buckets, starts: NDArray[np.int64]) -> Buckets:
    """Return larger buckets: `starts` says for each bucket where the larger one that it lies in begins (µs).

    It must not decrease within a device. A mean is sum by count, also of what was folded.
    """
    if not len(buckets):
        return buckets
    is_new = np.diff(buckets.devices, prepend=buckets.devices[0] - 1).astype(bool)
    is_new |= np.diff(starts, prepend=starts[0] - 1).astype(bool)
    firsts = np.flatnonzero(is_new)
    return Buckets(
        buckets.devices[firsts],
        starts[firsts],
        np.add.reduceat(buckets.readings, firsts),
        {name: _folded(numbers, firsts) for name, numbers in buckets.numbers.items()},
        {name: _merged(column, firsts) for name, column in buckets.values.items()},
        {name: np.add.reduceat(column, firsts) for name, column in buckets.counts.items()},
        buckets.recomputing,
    )


def _folded(numbers: Numbers, firsts: NDArray[np.intp]) -> Numbers:
    count = np.add.reduceat(numbers.count, firsts)
    sums = np.add.reduceat(np.where(numbers.count > 0, numbers.sum, 0.0), firsts)
    return Numbers(
        count,
        np.where(count > 0, sums, np.nan),
        np.fmin.reduceat(numbers.min, firsts),
        np.fmax.reduceat(numbers.max, firsts),
        _first(numbers.first, firsts),
        _first(numbers.last[::-1], (len(numbers.last) - np.append(firsts[1:], len(numbers.last)))[::-1])[::-1],
    )


def _first(values: Floats, firsts: NDArray[np.intp]) -> Floats:
    """Return the first value that is one from each of `firsts` to before the next; nan where there is none."""
    places = np.where(np.isnan(values), len(values), np.arange(len(values)))
    found = np.minimum.reduceat(places, firsts)
    return np.append(values, np.nan)[found]


def _merged(column: Values, firsts: NDArray[np.intp]) -> Values:
    ends = np.append(firsts[1:], len(column)).tolist()
    return [merged(column[first:end]) for first, end in zip(firsts.tolist(), ends, strict=True)]


def merged(counts: Sequence[Mapping[str, int] | None]) -> dict[str, int] | None:
    """Return the counts of values of several buckets as one, bounded to the most frequent as each of them is."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count or {})
    rest = total.pop(REST, 0)
    ranked = sorted(total.items(), key=lambda item: (-item[1], item[0]))
    rest += sum(count for _, count in ranked[MAX_VALUES:])
    return (dict(ranked[:MAX_VALUES]) | ({REST: rest} if rest else {})) or None
