"""Marks: which buckets have to be computed again. Whoever changes readings leaves some in the same transaction.

Marks are rows that are only ever added and taken away, so that two workers never wait for each other. One names up to
some ten thousand buckets of a model and a level, packed (`levels.pairs_of`), and the minute from which they are due:
a minute that still runs is not rolled up. A span is a mark of a whole stretch of time, of one device or all, and
becomes marks bit by bit (`validation.rollups.spans`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
from psycopg.sql import SQL

from validation.binding import server_side
from validation.columns import Columns
from validation.models import DataModel, RollupSpan
from validation.rollups.levels import LEVELS, MINUTES, Level, Pairs, minute_of, minutes_of, pairs_of

MICROS_PER_MINUTE = 60_000_000
Row = tuple[int, int, int, int, int, Pairs]  # of the table, without its number


def mark_columns(parts: Sequence[tuple[Columns, int]]) -> None:
    """Mark the minutes of some rows, given with the numbers of their models, in the transaction that stores them."""
    rows: list[Row] = []
    for columns, model_id in parts:
        keys = pairs_of(columns.devices, columns.micros // MICROS_PER_MINUTE)
        # The rows are sorted by device and time, so equal keys stand together.
        rows += _rows(model_id, "1m", _by_due(keys[np.flatnonzero(np.diff(keys, prepend=-1))], "1m"))
    _insert(rows)


def add(model_id: int, level: Level, pairs: Pairs, due: int | None = None) -> None:
    """Mark buckets, each once: those that have ended are due at once, one that runs when it has ended.

    Buckets further ahead are due when the next one has ended: their readings come of clocks that are ahead. With `due`
    all of them are due from that minute on.
    """
    _insert(_rows(model_id, level, _by_due(pairs, level) if due is None else [(due, pairs)]))


def _rows(model_id: int, level: Level, groups: Iterable[tuple[int, Pairs]]) -> list[Row]:
    return [
        (model_id, LEVELS.index(level), when, int(minutes_of(some).min()), int(minutes_of(some).max()), some)
        for when, some in groups
    ]


def _insert(rows: Sequence[Row]) -> None:
    if not rows:
        return
    statement = SQL("INSERT INTO validation_rollupmark (model, level, due, first, last, pairs) VALUES {}").format(
        SQL(", ").join([SQL("(%s, %s, %s, %s, %s, %s)")] * len(rows))
    )
    parameters = [value for *numbers, some in rows for value in (*numbers, some.astype("<i8").tobytes())]
    with server_side() as cursor:
        cursor.execute(statement, parameters)


def _by_due(pairs: Pairs, level: Level) -> Iterator[tuple[int, Pairs]]:
    """Yield the pairs by the minute from which they are due."""
    size = MINUTES[level]
    now = int(time.time() // 60)
    running = now // size * size
    minutes = minutes_of(pairs)
    for due, chosen in (
        (now - 1, minutes < running),
        (running + size, minutes == running),
        (running + 2 * size, minutes > running),
    ):
        if chosen.any():
            yield due, pairs[chosen]


def mark(model: str, device_ids: Sequence[int] | None, start: datetime, end: datetime) -> None:
    """Have the rollups of some devices (None: all) computed again from `start` to before `end`.

    For whoever changes or deletes readings other than by storing: call it in the same transaction. Only buckets that
    hold or held anything are touched. Raises DataModel.DoesNotExist.
    """
    found = DataModel.objects.get(name=model)
    first, last = minute_of(start), -(-end.timestamp() // 60)
    if first < last:
        RollupSpan.objects.bulk_create(
            RollupSpan(model=found, device_id=device, start=first, end=int(last), began=int(last))
            for device in (device_ids if device_ids is not None else [None])
        )
