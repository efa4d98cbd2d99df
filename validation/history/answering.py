"""Answer a question about history: choose, plan, read, add up, thin, and say from what and by which SQL."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from validation.history import lines, statements
from validation.history.bucketing import bucketed, members
from validation.history.choosing import Subject, subjects
from validation.history.edges import SECOND, micros_of
from validation.history.grouping import Group, groups_of
from validation.history.lines import Line
from validation.history.planning import MORE_RAW_READINGS, Amount, Plan, in_buckets, plan
from validation.history.question import MOST_SERIES, Function, HistoryQuery, Source, Unanswerable
from validation.history.reading import MAX_READINGS, readings
from validation.history.sources import kept_since, parts_of
from validation.history.thinning import in_words
from validation.moments import MAX_MICROSECONDS, MIN_MICROSECONDS, moment
from validation.rollups.layout import NUMERIC
from validation.selectors import TooManyReadings

MOST_POINTS_IN_ALL = 200_000  # of one answer: 10 MB of JSON at most; each series has fewer where there are many
A_YEAR = 366 * 86_400 * SECOND  # no bucket is longer by much, so what is this far from both ends of time can be cut


@dataclass(frozen=True, slots=True)
class Answer:
    """What there is to show, and where it comes from.

    `resolution` says in words how much a point stands for: `raw`, `1 of 12` readings, `1m`. `bucket_s` is the length
    of a bucket in seconds, None for readings; `rows` the points in all before they were thinned; `recomputing` how
    many minutes of the rollup are being computed anew, because late readings came. `sql` gives those rows.
    """

    start: datetime
    end: datetime
    source: Source
    resolution: str
    bucket_s: float | None
    recomputing: int
    rows: int
    series: list[Line]
    sql: str


@dataclass(slots=True)
class _Work:
    """A question on its way: what it is about, its plan, and what was found."""

    query: HistoryQuery
    parts: list[tuple[Subject, list[Group]]]
    points: int
    plan: Plan
    recomputing: int = 0

    def pause(self, group: Group) -> float:
        """Return after how many microseconds without a reading a series shows a silence."""
        return lines.longest_pause(group.interval_s) if self.query.silences else math.inf


def answer(query: HistoryQuery, now: datetime) -> Answer:
    """Answer a question; `now` says how much of its span is past.

    Blocks for the database, at most READ_TIMEOUT_MS for each model and period. Raises Unanswerable,
    selectors.TooSlow and selectors.TooManyReadings.
    """
    _check(query)
    about = [(subject, groups_of(subject.senders, query.by, query.tags)) for subject in subjects(query)]
    series = sum(len(subject.fields) * len(groups) for subject, groups in about)
    if series > MOST_SERIES:
        sentence = (
            f"That would be {series:,} series, and {MOST_SERIES} is the limit: name devices, or use by=tag or all."
        )
        raise Unanswerable("device", sentence, "too_many_series")
    points = min(query.points, MOST_POINTS_IN_ALL // max(1, series * (2 if query.compare else 1)))
    amount = _amount(query, about, now)
    work = _Work(query, about, points, plan(query.bucket, amount, points, is_grouped=query.by != "device"))
    try:
        found = _lines(work)
    except TooManyReadings:
        if query.bucket != "auto" or work.plan.step is not None:
            raise
        work.plan = in_buckets(amount, points)
        found = _lines(work)
    return _told(work, found)


def _check(query: HistoryQuery) -> None:
    try:
        ZoneInfo(query.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        sentence = f"There is no time zone {query.zone!r}; they are called like Europe/Berlin."
        raise Unanswerable("zone", sentence, "zone") from error
    if query.by != "device" and query.bucket == "raw":
        sentence = "Readings belong to a device: ask for buckets (bucket=auto), or for by=device."
        raise Unanswerable("bucket", sentence, "bucket")
    if query.by != "device" and query.function in ("first", "last"):
        sentence = f"Which reading is the {query.function} one of several devices says little: use by=device."
        raise Unanswerable("function", sentence, "function")


def _amount(query: HistoryQuery, about: Sequence[tuple[Subject, list[Group]]], now: datetime) -> Amount:
    senders = [sender for subject, _ in about for sender in subject.senders]
    intervals = [sender.interval_s * SECOND for sender in senders]
    start, end = _span(query, timedelta())
    elapsed = max(0, min(end, micros_of(now)) - start)
    rate = sum(1 / interval for interval in intervals)
    back = query.compare // timedelta(microseconds=1) if query.compare else 0
    # Both periods of a comparison are made of the same, so that they can be compared: what the earlier one has.
    kept = {source: since + back for source, since in kept_since([subject for subject, _ in about], now).items()}
    return Amount(start, end, elapsed, len(senders), rate, median(intervals or [SECOND]), query.zone, kept)


def _span(query: HistoryQuery, shift: timedelta) -> tuple[int, int]:
    """Return the span of a period in microseconds, away from where calendars end."""
    first, last = MIN_MICROSECONDS + 20 * A_YEAR, MAX_MICROSECONDS - 20 * A_YEAR
    back = shift // timedelta(microseconds=1)
    return (
        min(max(micros_of(query.start) - back, first), last),
        min(max(micros_of(query.end) - back, first), last),
    )


def _periods(query: HistoryQuery) -> list[timedelta]:
    return [timedelta()] + ([query.compare] if query.compare else [])


def _lines(work: _Work) -> list[Line]:
    """Return the series in the order of the question, those of an earlier period after those of the present one."""
    of_plan = _of_readings if work.plan.step is None else _of_buckets
    work.recomputing = 0
    return [
        line
        for shift in _periods(work.query)
        for subject, groups in work.parts
        if groups
        for line in of_plan(work, subject, groups, shift)
    ]


def _of_readings(work: _Work, subject: Subject, groups: list[Group], shift: timedelta) -> Iterator[Line]:
    start, end = _span(work.query, shift)
    at_most = MORE_RAW_READINGS if work.query.bucket == "auto" else MAX_READINGS
    ids = [sender.id for sender in subject.senders]
    columns = readings(subject.spec, subject.fields, ids, moment(start), moment(end), at_most)
    back = shift // timedelta(microseconds=1)
    for field in subject.fields:
        column = columns[field.name]
        for group in groups:
            one = column.of_device(group.senders[0].id)
            points, whole = lines.of_readings(one, field, work.pause(group), work.points, back)
            yield Line(
                model=subject.spec.name, field=field, device=group.device, tag=None, function=None,
                shift_s=shift.total_seconds(), points=points, whole=whole,
            )  # fmt: skip


def _of_buckets(work: _Work, subject: Subject, groups: list[Group], shift: timedelta) -> Iterator[Line]:
    start, end = _span(work.query, shift)
    edges = work.plan.marks(start, end, work.query.zone)
    parts, recomputing = parts_of(subject, work.plan.source, edges, work.query.function)
    work.recomputing += recomputing
    into = members([[sender.id for sender in group.senders] for group in groups])
    back = shift // timedelta(microseconds=1)
    for field in subject.fields:
        numbers, sums = bucketed(parts[field.name], edges, into)
        bounds = np.searchsorted(numbers, np.arange(len(groups) + 1)).tolist()
        function: Function = work.query.function if field.kind in NUMERIC else "count"
        for place, group in enumerate(groups):
            one = sums.between(bounds[place], bounds[place + 1])
            points, whole = lines.of_buckets(one, edges, function, work.pause(group), work.points, back)
            yield Line(
                model=subject.spec.name, field=field, device=group.device, tag=group.tag, function=function,
                shift_s=shift.total_seconds(), points=points, whole=whole,
            )  # fmt: skip


def _told(work: _Work, found: list[Line]) -> Answer:
    rows = sum(line.whole for line in found)
    drawn = sum(min(line.whole, len(line.points)) for line in found)
    thinned = in_words(rows, drawn)
    words = thinned if work.plan.step is None else work.plan.words + ("" if thinned == "raw" else f", {thinned}")
    return Answer(
        start=work.query.start,
        end=work.query.end,
        source=work.plan.source,
        resolution=words,
        bucket_s=None if work.plan.step is None else work.plan.step / SECOND,
        recomputing=work.recomputing,
        rows=rows,
        series=found,
        sql="\n\n".join(_statements(work)),
    )


def _statements(work: _Work) -> Iterator[str]:
    for shift in _periods(work.query):
        start, end = _span(work.query, shift)
        for subject, _ in work.parts:
            if work.plan.step is None:
                yield from statements.of_readings(work.query, subject, start, end)
            else:
                edges = work.plan.marks(start, end, work.query.zone)
                yield from statements.of_buckets(work.query, subject, work.plan, edges)
