"""What is kept of each model and level, how large it is, what goes next, when, and how much space that frees."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Sum

from validation.models import DataModel, Expired, RollupMark, RollupSpan
from validation.publishing import newest, spec_of
from validation.retention.removing import days_kept, goes_before, is_needed
from validation.rollups.levels import SOURCES, Source, midnight, period_end
from validation.rollups.tables import DIGITS, day_of, name_of, schema_of
from validation.spec import ModelSpec

WORDS: dict[Source, str] = {"raw": "readings", "1m": "minutes", "1h": "hours", "1d": "days"}


@dataclass(slots=True)
class Next:
    """The partition that goes next: from a day to a day (UTC, included), when, and how many bytes that frees.

    `waits_for_rollups` says that its time is over, and that it stays until what rollups need of it is computed.
    """

    first: date
    last: date
    at: datetime
    bytes: int
    waits_for_rollups: bool = False


@dataclass(slots=True)
class LevelOutlook:
    """One level of a model: its readings (raw) or what each minute, hour or day came to (1m, 1h, 1d).

    `days` is for how long it is kept after its time, None for good. `rows` is what PostgreSQL estimates; `bytes` is on
    disk, indexes included. `overdue` partitions, the next one among them, go with the next run.
    """

    level: Source
    days: int | None
    partitions: int = 0
    rows: int = 0
    bytes: int = 0
    first: date | None = None
    last: date | None = None
    overdue: int = 0
    next: Next | None = None
    removed_partitions: int = 0
    removed_rows: int = 0
    removed_bytes: int = 0
    removed_until: date | None = None

    @property
    def words(self) -> str:
        """Return what the level is called."""
        return WORDS[self.level]


@dataclass(slots=True)
class Outlook:
    """What is kept of one model.

    `waiting` is how many buckets are marked to be computed again; `to_mark_hours` how many hours of stored readings are
    yet to be looked through for buckets that have none (of a model from before there were rollups), of
    `to_mark_hours_at_first`.
    """

    model: str
    levels: list[LevelOutlook] = field(default_factory=list)
    waiting: int = 0
    to_mark_hours: int = 0
    to_mark_hours_at_first: int = 0

    @property
    def bytes(self) -> int:
        """Return the size of all levels."""
        return sum(level.bytes for level in self.levels)

    @property
    def to_mark_hours_done(self) -> int:
        """Return how many hours have been looked through."""
        return self.to_mark_hours_at_first - self.to_mark_hours

    @property
    def next_bytes(self) -> int:
        """Return what the next partitions of all levels free."""
        return sum(level.next.bytes for level in self.levels if level.next)


@dataclass(frozen=True, slots=True)
class _Part:
    start: date
    rows: int
    bytes: int


def outlook(now: datetime | None = None) -> list[Outlook]:
    """Return what is kept of each published model, by name. Asks for the size of every partition: some 20 µs each."""
    moment = now or datetime.now(UTC)
    found = []
    for model in DataModel.objects.filter(versions__isnull=False).distinct().order_by("name"):
        spec = spec_of(newest(model))
        if spec is not None:
            found.append(_of_model(model, spec, moment))
    return found


def _of_model(model: DataModel, spec: ModelSpec, now: datetime) -> Outlook:
    spans = RollupSpan.objects.filter(model=model).values_list("start", "end", "began")
    return Outlook(
        model.name,
        [_of_level(model, spec, level, now) for level in SOURCES],
        sum(len(pairs) // 8 for pairs in RollupMark.objects.filter(model=model.pk).values_list("pairs", flat=True)),
        sum(end - start for start, end, _ in spans) // 60,
        sum(began - start for start, _, began in spans) // 60,
    )


def _of_level(model: DataModel, spec: ModelSpec, level: Source, now: datetime) -> LevelOutlook:
    found = LevelOutlook(level, days_kept(spec, level))
    _add_removed(found, model)
    partitions = _parts(model.name, level)
    if not partitions:
        return found
    found.partitions = len(partitions)
    found.rows, found.bytes = sum(part.rows for part in partitions), sum(part.bytes for part in partitions)
    found.first = partitions[0].start
    found.last = period_end(level, partitions[-1].start) - timedelta(days=1)
    if found.days is not None:
        end = goes_before(spec, level, now)
        found.overdue = sum(period_end(level, part.start) <= end for part in partitions)
        found.next = _next(model, level, partitions[0], found.days, found.overdue > 0)
    return found


def _next(model: DataModel, level: Source, part: _Part, days: int, is_overdue: bool) -> Next:
    after = period_end(level, part.start)
    return Next(
        part.start,
        after - timedelta(days=1),
        midnight(after) + timedelta(days=days),
        part.bytes,
        is_overdue and is_needed(model, level, part.start),
    )


def _add_removed(found: LevelOutlook, model: DataModel) -> None:
    sums = Expired.objects.filter(model=model, level=found.level).aggregate(
        count=Count("pk"), rows=Sum("rows"), bytes=Sum("bytes"), until=Max("day")
    )
    found.removed_partitions, found.removed_until = sums["count"], sums["until"]
    found.removed_rows, found.removed_bytes = sums["rows"] or 0, sums["bytes"] or 0


def _parts(model: str, level: Source) -> Sequence[_Part]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, greatest(c.reltuples, pg_stat_get_live_tuples(c.oid), 0)::bigint, "
            "pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname ~ %s",
            [schema_of(level), f"^{re.escape(name_of(model, level))}_p[0-9]{{{DIGITS[level]}}}$"],
        )
        return sorted((_Part(day_of(name, level), rows, size) for name, rows, size in cursor.fetchall()), key=_start)


def _start(part: _Part) -> date:
    return part.start
