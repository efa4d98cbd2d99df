"""Turn spans into marks, hour by hour, from the newest to the oldest, and no faster than marks are worked off."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import numpy as np
from django.db import connection, transaction
from psycopg.sql import SQL, Composable, Identifier, Literal

from validation.models import RollupSpan
from validation.moments import EPOCH
from validation.rollups import marks
from validation.rollups.levels import SOURCES, Pairs, Source, day_of_minute, first_minute, pairs_of, period, period_end
from validation.rollups.tables import part, parts

# Buckets that may wait before a span adds more: some seconds of work, so that new readings never wait for long.
ENOUGH = 20_000
HOUR = 60  # minutes of a step
MOST_STEPS = 24  # at once: hours of which little is stored take some milliseconds each
BEFORE_EVERYTHING = -(2**31)


def fill(model_id: int, name: str) -> None:
    """Have everything that is stored of a model rolled up, once, in the caller's transaction."""
    days = parts(name, "raw")
    if days:
        start, end = first_minute(days[0]), first_minute(days[-1] + timedelta(days=1))
        RollupSpan.objects.create(model_id=model_id, start=start, end=end, began=end)


def expand() -> bool:
    """Turn the next hours of the oldest span into marks, unless enough are waiting; say whether it did something.

    An hour and its marks are one transaction, so this may die at any point.
    """
    waiting, steps = _waiting(), 0
    while waiting < ENOUGH and steps < MOST_STEPS:
        with transaction.atomic():
            span = RollupSpan.objects.select_for_update(skip_locked=True, of=("self",)).order_by("id").first()
            if span is None:
                break
            waiting, steps = waiting + _step(span), steps + 1
    return steps > 0


def _waiting() -> int:
    """Return how many buckets are marked and due."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(octet_length(pairs)), 0) / 8 FROM validation_rollupmark "
            "WHERE due <= extract(epoch FROM clock_timestamp()) / 60"
        )
        return int(cursor.fetchone()[0])


def _step(span: RollupSpan) -> int:
    """Mark the last hour of a span that anything is stored of, and shorten it; return how many buckets that are."""
    name = span.model.name
    exist: dict[Source, list[date]] = {level: parts(name, level) for level in SOURCES}
    end = max((_end_of_stored(span, level, exist[level]) for level in exist), default=BEFORE_EVERYTHING)
    if end <= span.start:
        span.delete()
        return 0
    start = max(span.start, (end - 1) // HOUR * HOUR)
    found = np.unique(np.concatenate([_found(span, level, exist[level], start, end) for level in exist]))
    marks.add(span.model_id, "1m", found)
    span.end = start
    span.save(update_fields=["end"])
    return len(found)


def _end_of_stored(span: RollupSpan, level: Source, days: Sequence[date]) -> int:
    """Return the end of the newest minute of a span that a level holds anything of."""
    time = Identifier("ts" if level == "raw" else "bucket")
    for day in reversed(days):
        if first_minute(day) >= span.end or first_minute(period_end(level, day)) <= span.start:
            continue
        source = part(span.model.name, level, day)
        query = SQL(
            "SELECT floor(extract(epoch FROM max(r.{time})) / 60)::int FROM ({devices}) AS d (id), LATERAL "
            "(SELECT {time} FROM {source} WHERE device_id = d.id AND {time} < %s ORDER BY {time} DESC LIMIT 1) r"
        ).format(time=time, source=source, devices=_devices(span, source))
        with connection.cursor() as cursor:
            cursor.execute(query, [EPOCH + timedelta(minutes=span.end)])
            newest = cursor.fetchone()[0]
        if newest is not None:
            return int(newest) + 1
    return BEFORE_EVERYTHING


def _found(span: RollupSpan, level: Source, days: Iterable[date], start: int, end: int) -> Pairs:
    """Return the buckets of a span in part of an hour that a level holds anything of."""
    day = period(level, day_of_minute(start))
    if day not in days:
        return np.empty(0, dtype=np.int64)
    time = Identifier("ts" if level == "raw" else "bucket")
    source = part(span.model.name, level, day)
    query = SQL(
        "SELECT DISTINCT d.id, floor(extract(epoch FROM r.{time}) / 60)::bigint FROM ({devices}) AS d (id), "
        "LATERAL (SELECT {time} FROM {source} WHERE device_id = d.id AND {time} >= %s AND {time} < %s) r"
    ).format(time=time, source=source, devices=_devices(span, source))
    first, after = (EPOCH + timedelta(minutes=minute) for minute in (start, end))
    with connection.cursor() as cursor:
        cursor.execute(query, [first, after])
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    return pairs_of(rows[:, 0].astype(np.int32), rows[:, 1])


def _devices(span: RollupSpan, source: Identifier) -> Composable:
    """Return a query for the devices of a span: each one in the index is found by skipping to the next."""
    if span.device_id is not None:
        return SQL("SELECT {}::int4").format(Literal(span.device_id))
    return SQL(
        "WITH RECURSIVE skip (id) AS (SELECT min(device_id) FROM {0} UNION ALL "
        "SELECT (SELECT min(device_id) FROM {0} WHERE device_id > skip.id) FROM skip WHERE skip.id IS NOT NULL) "
        "SELECT id FROM skip WHERE id IS NOT NULL"
    ).format(source)
