"""Read rollups so that they end now: stored buckets, and those that no task has computed yet from what is finer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable, Identifier, Literal

from validation import tables
from validation.rollups import fetching, sql
from validation.rollups.folding import Buckets, fold, joined
from validation.rollups.layout import PARTS, Part, columns_of, rolled_up
from validation.rollups.levels import FINER, MINUTES, SECONDS, Level, day_of_minute, minute_of
from validation.rollups.pending import Tail, tail_of
from validation.rollups.tables import columns, table
from validation.rollups.tables import parts as partitions
from validation.selectors import bounded_read
from validation.spec import FieldSpec, ModelSpec


def read(
    spec: ModelSpec,
    level: Level,
    device_ids: Sequence[int] | None,
    fields: Sequence[FieldSpec],
    start: datetime,
    end: datetime,
    parts: Sequence[Part] = PARTS,
) -> Buckets:
    """Return the buckets of a level that begin before `end`, from the one that `start` lies in; of all devices if None.

    Those that still run, or whose readings came so lately that no task has computed them yet, are computed on the way;
    `recomputing` counts the older ones that are out of date. A field that is too far down in its model to be rolled up
    never comes (`layout.rolled_up`). Of numbers all parts are read, or count and those of `parts`: each costs time, and
    those left out are nan. Blocks for the database. Raises TooSlow, TooManyReadings.
    """
    with bounded_read() as cursor:
        asked = _Asked(cursor, spec, device_ids, fields, parts)
        first = minute_of(start) // MINUTES[level] * MINUTES[level]
        # The marks first: what a task computes from here on is in the tables by the time they are read.
        tail = tail_of(spec.name, level, datetime.now(UTC), device_ids)
        buckets = asked.buckets(level, first, -int(-end.timestamp() // 60), tail)
        buckets.recomputing = tail.recomputing(level, first, int(end.timestamp() // 60))
    return buckets


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which devices, fields and parts of which model are asked for."""

    cursor: CursorWrapper
    spec: ModelSpec
    device_ids: Sequence[int] | None
    fields: Sequence[FieldSpec]
    parts: Sequence[Part]

    def buckets(self, level: Level, first: int, end: int, tail: Tail) -> Buckets:
        """Return the buckets that begin from one minute to before another: those of the tail are computed."""
        begin, until = (max(first, min(end, minute)) for minute in tail.of(level))
        found = [self._stored(level, first, begin), self._stored(level, until, end)]
        if begin < until:
            found.append(self._computed(level, begin, until, tail))
        return joined(found)

    def _computed(self, level: Level, begin: int, end: int, tail: Tail) -> Buckets:
        if level == "1m":
            return self._of_readings(begin, end)
        size = MINUTES[level]
        finer = self.buckets(FINER[level], begin // size * size, -(-end // size) * size, tail)
        micros = SECONDS[level] * 1_000_000
        return fold(finer, finer.starts // micros * micros)

    def _stored(self, level: Level, first: int, end: int) -> Buckets:
        existing = columns(self.spec.name, level) if first < end else set()
        if not existing:
            return fetching.nothing(self.fields)
        names = [name for field in self.fields for name in columns_of(field)]
        source = SQL("SELECT device_id, bucket, readings {} FROM {} WHERE bucket >= {} AND bucket < {} {}").format(
            SQL("").join(
                SQL(", {} AS {}").format(Identifier(name) if name in existing else SQL("NULL"), Identifier(name))
                for name in names
            ),
            table(self.spec.name, level),
            _moment(first),
            _moment(end),
            self._of_devices(),
        )
        return fetching.fetch(self.cursor, self.fields, self.parts, source)

    def _of_readings(self, begin: int, end: int) -> Buckets:
        """Compute minutes, as the task does."""
        raw, names = tables.columns(self.spec.name), {field.name for field in rolled_up(self.spec)}
        kept = [field for field in self.fields if field.name in raw.keys() & names]
        recipe = sql.Recipe(
            self.spec.name, kept, {field.name: tables.value(field.name, raw) for field in kept}, frozenset()
        )
        exist = set(partitions(self.spec.name, "raw"))
        found = [fetching.nothing(self.fields)]
        days = {day_of_minute(minute) for minute in range(begin, end)} & exist
        for day in sorted(days):
            minutes = [minute for minute in range(begin, end) if day_of_minute(minute) == day]
            found.append(self._minutes(recipe, day, minutes))
        return joined(found)

    def _minutes(self, recipe: sql.Recipe, day: date, minutes: Sequence[int]) -> Buckets:
        names = {name for field in recipe.fields for name in columns_of(field)}
        missing = [name for field in self.fields for name in columns_of(field) if name not in names]
        query = SQL(
            "SELECT p.device_id, p.bucket, x.* {missing} FROM (SELECT d.id AS device_id, m.at AS bucket, "
            "m.at + '1 minute'::interval AS until FROM ({devices}) AS d (id), "
            "generate_series({first}, {last}, '1 minute') AS m (at)) AS p CROSS JOIN LATERAL ({bucket}) x "
            "WHERE x.readings > 0"
        ).format(
            missing=SQL("").join(SQL(", NULL AS {}").format(Identifier(name)) for name in missing),
            devices=self._devices(),
            first=_moment(minutes[0]),
            last=_moment(minutes[-1]),
            bucket=sql.bucket(recipe, "1m", day, sql.DEVICE, sql.START, sql.END),
        )
        return fetching.fetch(self.cursor, self.fields, self.parts, query)

    def _devices(self) -> Composable:
        if self.device_ids is not None:
            return SQL("SELECT unnest({}::int4[])").format(Literal(list(self.device_ids)))
        return SQL(
            "SELECT device_id::int4 FROM validation_latest WHERE model_id = "
            "(SELECT id FROM validation_datamodel WHERE name = {})"
        ).format(Literal(self.spec.name))

    def _of_devices(self) -> Composable:
        if self.device_ids is None:
            return SQL("")
        return SQL("AND device_id = ANY({}::int4[])").format(Literal(list(self.device_ids)))


def _moment(minute: int) -> Composable:
    return SQL("to_timestamp({})").format(Literal(minute * 60))
