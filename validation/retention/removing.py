"""Remove the partitions of readings and of rollups that a model no longer keeps.

Nothing is removed that a rollup still needs: the marks of its time are worked off first, at every level above it. What
cannot be worked off soon stays until the next run. Each partition goes in a transaction of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial

from django.db import connection, transaction
from psycopg.sql import SQL, Composed, Identifier

from validation.models import DataModel, Expired, RollupMark, RollupSpan
from validation.publishing import newest, spec_of
from validation.rollups import running
from validation.rollups.levels import LEVELS, Level, Source, first_minute, period_end
from validation.rollups.running import Roller
from validation.rollups.tables import part, parts
from validation.spec import ModelSpec
from validation.tables import detach, ensure_partitions, partitions, with_short_lock

log = logging.getLogger(__name__)

SETTINGS: dict[Source, str] = {
    "raw": "retention_days",
    "1m": "rollup_1m_days",
    "1h": "rollup_1h_days",
    "1d": "rollup_1d_days",
}
# Seconds that one run works on rollups that stand in the way.
SETTLE_S = 5.0


def days_kept(spec: ModelSpec, level: Source) -> int | None:
    """Return for how many days after its end a partition is kept; None: for good."""
    days: int | None = getattr(spec, SETTINGS[level])
    return days


def goes_before(spec: ModelSpec, level: Source, now: datetime) -> date:
    """Return the day before which a partition must have ended to go: the whole of it, down to its last microsecond."""
    days = days_kept(spec, level)
    return date.min if days is None else (now - timedelta(days=days)).date()


def expire(now: datetime | None = None) -> int:
    """Remove what models no longer keep; return how many rows of readings that were.

    Blocks for SETTLE_S a model at most while rollups are computed, and for locks as `validation.tables` does.
    """
    removed = 0
    for model in DataModel.objects.filter(versions__isnull=False).distinct():
        spec = spec_of(newest(model))
        if spec is not None:
            running.prepare(model, spec)  # what was stored before there were rollups is marked from here on
            removed += _expire_readings(model, goes_before(spec, "raw", now or datetime.now(UTC)))
            for level in LEVELS:
                _expire_rollups(model, level, goes_before(spec, level, now or datetime.now(UTC)))
    return removed


def _expire_readings(model: DataModel, end: date) -> int:
    """Remove days of readings. A day is taken out of the table first, so that nothing can come in, then dropped.

    A day that was taken out by a run that died is found again by its name; one that its model does keep is put back.
    """
    stored, attached = parts(model.name, "raw"), partitions(model.name)
    ensure_partitions(model.name, [day for day in stored if day >= end and day not in attached])
    removed = 0
    for day in _settled(model, "raw", [day for day in stored if day < end]):
        detach(model.name, day)
        # What was written until then has left its marks.
        for settled in _settled(model, "raw", [day]):
            removed += _drop_readings(model, settled)
    return removed


def _drop_readings(model: DataModel, day: date) -> int:
    target = part(model.name, "raw", day)
    with transaction.atomic(), connection.cursor() as cursor:
        running.wait_for_lock()
        if is_needed(model, "raw", day):
            return 0
        cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(target))
        rows = _note(model, "raw", day, target)
        cursor.execute(SQL("DROP TABLE {}").format(target))
    return rows


def _expire_rollups(model: DataModel, level: Level, end: date) -> None:
    old = [start for start in parts(model.name, level) if period_end(level, start) <= end]
    for start in _settled(model, level, old):
        with_short_lock(partial(_dropping, model, level, start))


def _dropping(model: DataModel, level: Level, start: date) -> Composed | None:
    """Return what drops a partition of rollups, unless it is needed; it is written down in the same transaction."""
    running.wait_for_lock()
    if is_needed(model, level, start) or start not in parts(model.name, level):
        return None
    target = part(model.name, level, start)
    _note(model, level, start, target)
    return SQL("DROP TABLE {}").format(target)


def _note(model: DataModel, level: Source, start: date, target: Identifier) -> int:
    with connection.cursor() as cursor:
        cursor.execute(SQL("SELECT count(*) FROM {}").format(target))
        rows: int = cursor.fetchone()[0]
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [target.as_string(connection.connection)])
        Expired.objects.create(model=model, level=level, day=start, rows=rows, bytes=cursor.fetchone()[0])
    return rows


def _settled(model: DataModel, level: Source, starts: Iterable[date]) -> list[date]:
    """Return the partitions that no rollup needs any more, after working off marks for a while if there are some."""
    wanted = sorted(starts)
    if any(is_needed(model, level, start) for start in wanted):
        Roller().run(SETTLE_S, patient=False)
    free = [start for start in wanted if not is_needed(model, level, start)]
    if len(free) < len(wanted):
        log.info("%d partitions of %s %s stay until their rollups are made", len(wanted) - len(free), model, level)
    return free


def is_needed(model: DataModel, level: Source, start: date) -> bool:
    """Tell whether rollups that are yet to be computed need a partition."""
    first, end = first_minute(start), first_minute(period_end(level, start))
    if level == LEVELS[-1]:
        return False
    marks = RollupMark.objects.filter(model=model.pk, first__lt=end, last__gte=first)
    return marks.exists() or RollupSpan.objects.filter(model=model, start__lt=end, end__gt=first).exists()
