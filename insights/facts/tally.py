"""Add readings up: by device, by bucket of time, and in all, with one statement for all fields and devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Literal

from insights.facts.fact import Window
from insights.facts.source import Origin
from validation.spec import FieldSpec

Floats = NDArray[np.float64]
PARTS = 4  # of each field: how many values, their sum, the smallest and the largest
# How long the buckets are in which a shape is looked for: some 24 to 200 of them in a window.
STEPS = (
    (timedelta(hours=2), timedelta(minutes=5)),
    (timedelta(hours=8), timedelta(minutes=15)),
    (timedelta(days=8), timedelta(hours=1)),
)
LONGEST_STEP = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Sums:
    """What some rows add up to: readings, and of each field (columns) count, sum, smallest, largest."""

    readings: NDArray[np.int64]
    count: Floats
    sum: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True)
class Tally:
    """The sums of a window: by device (`ids`), by bucket (`starts`, each `step` long, empty ones too), and in all."""

    step: timedelta
    ids: list[int]
    by_device: Sums
    starts: list[datetime]
    by_bucket: Sums
    whole: Sums


def step_of(window: Window) -> timedelta:
    """Return how long the buckets of a window are."""
    return next((step for longest, step in STEPS if window.length <= longest), LONGEST_STEP)


def bucket(step: timedelta) -> Composable:
    """Return the expression for the bucket that a time lies in."""
    return SQL("date_bin({}, at, 'epoch')").format(Literal(f"{step.total_seconds():.0f} seconds"))


def tally(cursor: CursorWrapper, origin: Origin, fields: Sequence[FieldSpec]) -> Tally:
    """Add the readings of a window up. Raises what the database raises."""
    step = step_of(origin.window)
    statement = SQL(
        "SELECT grouping(device_id), device_id, {bucket} AS b, sum(readings){sums} FROM ({rows}) part "
        "GROUP BY GROUPING SETS ((device_id), ({bucket}), ()) ORDER BY 1, 2, 3"
    ).format(bucket=bucket(step), sums=_sums(len(fields)), rows=origin.numbers(fields))
    cursor.execute(statement)
    rows = cursor.fetchall()
    devices = [row for row in rows if row[1] is not None]
    times = {row[2]: row for row in rows if row[2] is not None}
    starts = _starts(origin.window, step)
    empty = (None, None, None, 0, *([0, None, None, None] * len(fields)))
    return Tally(
        step,
        [row[1] for row in devices],
        _columns(devices, len(fields)),
        starts,
        _columns([times.get(start, empty) for start in starts], len(fields)),
        _columns([row for row in rows if row[1] is None and row[2] is None], len(fields)),
    )


def total(cursor: CursorWrapper, origin: Origin, fields: Sequence[FieldSpec]) -> Sums:
    """Add the readings of a window up in all only. Raises what the database raises."""
    statement = SQL("SELECT NULL, NULL, NULL, coalesce(sum(readings), 0){} FROM ({}) part")
    cursor.execute(statement.format(_sums(len(fields)), origin.numbers(fields)))
    return _columns(cursor.fetchall(), len(fields))


def _sums(fields: int) -> Composable:
    text = ", sum(n{0}), sum(s{0}), min(lo{0}), max(hi{0})"
    return SQL("".join(text.format(number or "") for number in range(fields)))


def _starts(window: Window, step: timedelta) -> list[datetime]:
    size = step.total_seconds()
    first = window.start.timestamp() // size * size
    number = int(-(-(window.end.timestamp() - first) // size))
    origin = datetime.fromtimestamp(first, window.start.tzinfo)
    return [origin + step * place for place in range(number)]


def _columns(rows: Sequence[tuple[Any, ...]], fields: int) -> Sums:
    readings = np.array([int(row[3] or 0) for row in rows], dtype=np.int64)
    flat = [[np.nan if value is None else float(value) for value in row[4:]] for row in rows]
    numbers = np.array(flat, dtype=np.float64).reshape(len(rows), fields, PARTS)
    count = np.nan_to_num(numbers[:, :, 0])
    return Sums(readings, count, numbers[:, :, 1], numbers[:, :, 2], numbers[:, :, 3])
