"""Read what buckets are made of, from readings or from a rollup, as parts that can be added up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from validation.history.bucketing import Parts, of_readings
from validation.history.choosing import Subject
from validation.history.edges import micros_of
from validation.history.question import Function, Source
from validation.history.reading import MAX_READINGS, readings
from validation.moments import moment
from validation.retention.removing import goes_before
from validation.rollups.folding import Buckets
from validation.rollups.layout import NUMERIC, Part, rolled_up
from validation.rollups.levels import LEVELS, SOURCES, Level, midnight
from validation.rollups.read import read
from validation.spec import FieldSpec

BAND: tuple[Part, ...] = ("count", "min", "max")
# What a function is computed from besides the band that every bucket shows; each part that is read costs time.
BESIDES: dict[Function, tuple[Part, ...]] = {"avg": ("sum",), "sum": ("sum",), "first": ("first",), "last": ("last",)}


def kept_since(subjects: Sequence[Subject], now: datetime) -> dict[Source, int]:
    """Return from when on each source holds something of all subjects, in microseconds since 1970.

    A rollup that lacks one of the fields is left out.
    """
    names = [{field.name for field in rolled_up(subject.spec)} for subject in subjects]
    whole = all(field.name in has for subject, has in zip(subjects, names, strict=True) for field in subject.fields)
    return {
        source: max(micros_of(midnight(goes_before(subject.spec, source, now))) for subject in subjects)
        for source in (SOURCES if whole else SOURCES[:1])
    }


def parts_of(
    subject: Subject, source: Source, edges: NDArray[np.int64], function: Function
) -> tuple[dict[str, Parts], int]:
    """Return the parts of each field between two edges, and how many buckets of the rollup are computed anew.

    Raises TooManyReadings and TooSlow.
    """
    ids = [sender.id for sender in subject.senders]
    start, end = moment(int(edges[0])), moment(int(edges[-1]))
    if source == "raw":
        return _of_readings(subject, ids, start, moment(int(edges[-1]) - 1)), 0
    level: Level = LEVELS[LEVELS.index(source)]
    found = read(subject.spec, level, ids, subject.fields, start, end, (*BAND, *BESIDES.get(function, ())))
    return {field.name: _of_rollup(found, field) for field in subject.fields}, found.recomputing


def _of_readings(subject: Subject, ids: Sequence[int], start: datetime, end: datetime) -> dict[str, Parts]:
    columns = readings(subject.spec, subject.fields, ids, start, end, MAX_READINGS)
    found = {}
    for field in subject.fields:
        column = columns[field.name]
        values = column.values.astype(np.float64) if field.kind in NUMERIC else np.zeros(len(column.micros))
        found[field.name] = of_readings(column.devices, column.micros, values)
    return found


def _of_rollup(found: Buckets, field: FieldSpec) -> Parts:
    if field.kind in NUMERIC:
        part = found.numbers[field.name]
        return Parts(found.devices, found.starts, part.count, part.sum, part.min, part.max, part.first, part.last)
    if field.name in found.counts:
        count = found.counts[field.name].astype(np.float64)
    else:
        count = np.array([sum(values.values()) if values else 0 for values in found.values[field.name]], dtype=float)
    nothing = np.zeros(len(count))
    return Parts(found.devices, found.starts, count, nothing, nothing, nothing, nothing, nothing)
