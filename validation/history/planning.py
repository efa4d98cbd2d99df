"""Decide what a question is answered from: readings as they are, or buckets of some length out of some rollup. Pure.

Readings are taken as long as there are few enough to read at once; the estimate is span by interval. Beyond that
buckets, the shortest that give at most the points that are wanted, out of the coarsest rollup that their edges fit.
What retention has removed is asked of nothing: where readings are gone and their minutes are kept, minutes answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from validation.history.edges import DAY, HOUR, LEVELS, MINUTE, SECOND, edges, length_in_words, levels_of
from validation.history.question import Source, Unanswerable

# Readings that are read for one chart without being asked for: 50,000 of one field come in some 40 ms. Up to four times
# as many where buckets of a minute would leave a quarter of the points that are wanted, or fewer.
RAW_READINGS, MORE_RAW_READINGS, FEW = 50_000, 200_000, 4
# Rows of a rollup that are read for one answer: some 100 bytes each with one field, 1 µs each.
MOST_ROWS = 1_000_000
MOST_BUCKETS = 100_000  # between start and end
# Lengths that people think in, in microseconds: each is made of whole ones of a shorter level.
STEPS = (
    *(n * SECOND for n in (1, 2, 5, 10, 15, 30)),
    *(n * MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * HOUR for n in (1, 2, 3, 6, 12)),
    *(n * DAY for n in (1, 2, 7, 14, 28, 91, 364, 3_640)),
)
LENGTHS = dict(LEVELS)
ALWAYS = -(2**62)  # microseconds; before all times
ALL_KEPT: Mapping[Source, int] = {"raw": ALWAYS, **dict.fromkeys(LENGTHS, ALWAYS)}


@dataclass(frozen=True, slots=True)
class Amount:
    """What a question is about: the span in microseconds since 1970, and estimates of how much there is in it.

    `elapsed` is how much of the span is past; `rate` the readings a microsecond of all devices; `interval` the usual
    microseconds between two of one device. `kept` says from when on each source holds something; one that is missing
    has nothing of these fields.
    """

    start: int
    end: int
    elapsed: int
    devices: int
    rate: float
    interval: float
    zone: str = "UTC"
    kept: Mapping[Source, int] = field(default_factory=lambda: ALL_KEPT)

    @property
    def readings(self) -> float:
        """Return how many readings there may be."""
        return self.elapsed * self.rate

    def reaches(self, source: Source) -> bool:
        """Tell whether a source goes back to the start, or as far as any."""
        return source in self.kept and self.kept[source] <= max(self.start, min(self.kept.values()))


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the answer comes from; `step` is the length of its buckets in microseconds, None for readings."""

    source: Source
    step: int | None = None

    def marks(self, start: int, end: int, zone: str) -> NDArray[np.int64]:
        """Return the edges of the buckets over a span."""
        return edges(start, end, self.step or SECOND, zone)

    @property
    def words(self) -> str:
        """Return the length of the buckets in words, or `raw`."""
        return length_in_words(self.step) if self.step else "raw"


def plan(bucket: str | timedelta, amount: Amount, points: int, *, is_grouped: bool) -> Plan:
    """Return what to read for buckets of some length, for `raw` readings, or for whatever fits (`auto`).

    Raises Unanswerable for buckets that are too short for the span or for the number of devices.
    """
    if isinstance(bucket, timedelta):
        return _of_length(bucket // timedelta(microseconds=1), amount)
    if bucket == "raw" or (not is_grouped and _is_raw(amount, points)):
        return Plan("raw")
    return next(_fitting(amount, points, shortest(amount, is_grouped)))


def in_buckets(amount: Amount, points: int) -> Plan:
    """Return the plan for what turned out to be too many readings to take as they are."""
    return next(_fitting(amount, points, MINUTE))


def shortest(amount: Amount, is_grouped: bool) -> int:
    """Return the shortest bucket worth having: of readings of many devices one of a few seconds is."""
    if is_grouped and amount.readings <= MORE_RAW_READINGS:
        return max(SECOND, min(int(amount.interval), MINUTE))
    return MINUTE


def _is_raw(amount: Amount, points: int) -> bool:
    minutes = (amount.end - amount.start) / MINUTE
    few = MORE_RAW_READINGS if minutes <= points / FEW else RAW_READINGS
    return amount.reaches("raw") and amount.readings <= few


def _fitting(amount: Amount, points: int, least: int) -> Iterator[Plan]:
    span = amount.end - amount.start
    for step in STEPS:
        # One more for the bucket that the start cuts.
        if step >= least and span / step + 1 <= points:
            source = _source(step, amount)
            if amount.reaches(source) and (source == "raw" or _rows(source, amount) <= MOST_ROWS):
                yield Plan(source, step)
    yield Plan(_source(STEPS[-1], amount), STEPS[-1])


def _of_length(step: int, amount: Amount) -> Plan:
    if step < SECOND:
        raise Unanswerable("bucket", "A bucket has at least one second; bucket=raw gives the readings.", "bucket")
    buckets = (amount.end - amount.start) / step
    if buckets > MOST_BUCKETS:
        sentence = f"That would be {buckets:,.0f} buckets of {length_in_words(step)}: give a longer one, or less time."
        raise Unanswerable("bucket", sentence, "too_many_buckets")
    source = _source(step, amount)
    if source != "raw" and _rows(source, amount) > MOST_ROWS:
        sentence = (
            f"For that {_rows(source, amount):,.0f} rows of {source} would have to be read: "
            "give a longer bucket, fewer devices or less time."
        )
        raise Unanswerable("bucket", sentence, "too_many_buckets")
    return Plan(source, step)


def _source(step: int, amount: Amount) -> Source:
    """Return the coarsest rollup that buckets can be made of and that reaches back to the start, else what does."""
    levels = levels_of(edges(amount.start, amount.end, step, amount.zone)) if step >= MINUTE else []
    fitting: list[Source] = [*(level for level in levels if level in amount.kept), "raw"]
    return next(filter(amount.reaches, fitting), min(fitting, key=lambda source: amount.kept[source]))


def _rows(source: Source, amount: Amount) -> float:
    return amount.devices * (amount.end - amount.start) / LENGTHS[source]
