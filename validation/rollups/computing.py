"""Compute buckets and put them in place of what was there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import psycopg
from django.db import DataError, connection, transaction
from psycopg.errors import NumericValueOutOfRange
from psycopg.sql import SQL, Composed, Identifier

from validation import arrays, tables
from validation.models import DataModel, Expired
from validation.rollups import sql
from validation.rollups.levels import (
    COARSER,
    DAY_MINUTES,
    FINER,
    LEVELS,
    SOURCES,
    Level,
    Pairs,
    Source,
    day_of_minute,
    devices_of,
    minutes_of,
    period,
)
from validation.rollups.tables import columns, fields_with_columns, part, parts
from validation.spec import ModelSpec

MICROS_PER_MINUTE = 60_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """What there is of a model: the partitions that exist, and those that retention removed."""

    exist: dict[Source, set[date]]
    removed: dict[Source, set[date]]

    @classmethod
    def of(cls, model: DataModel) -> Kept:
        """Look it up."""
        gone = set(Expired.objects.filter(model=model).values_list("level", "day"))
        removed = {source: {day for level, day in gone if level == source} for source in SOURCES}
        return cls({level: set(parts(model.name, level)) for level in SOURCES}, removed)

    def stores(self, level: Level, day: date) -> bool:
        """Tell whether a level is stored for a day: it is, unless retention has removed that."""
        return period(level, day) not in self.removed[level]

    def has_source(self, level: Level, day: date) -> bool:
        """Tell whether buckets of a level can be computed for a day."""
        while level in FINER:
            level = FINER[level]
            if self.stores(level, day):
                return True
        return day in self.exist["raw"]

    def is_partial(self, level: Level, day: date) -> bool:
        """Tell whether only some of a day's readings are left to compute from: those that came after it was removed.

        A bucket is then only replaced by one of at least as many readings.
        """
        through = LEVELS[: LEVELS.index(level)]
        return day in self.removed["raw"] and not any(self.stores(finer, day) for finer in through)


def compute(model: DataModel, spec: ModelSpec, level: Level, pairs: Pairs) -> Pairs:
    """Compute buckets of a level anew, in the caller's transaction, and return those that could be computed.

    The partitions must be there. A bucket without readings is removed; one whose readings retention has removed stays.
    """
    kept = Kept.of(model)
    existing, raw = columns(spec.name, level), tables.columns(spec.name)
    fields = [field for field in fields_with_columns(spec, existing) if field.name in raw]
    recipe = sql.Recipe(spec.name, fields, {field.name: tables.value(field.name, raw) for field in fields}, frozenset())
    done = []
    for day, some in _by_day(pairs):
        if kept.has_source(level, day):
            done.append(some)
            if kept.stores(level, day):
                stored = frozenset(finer for finer in LEVELS if kept.stores(finer, day))
                _Day(replace(recipe, stored=stored), level, day, kept.is_partial(level, day)).compute(some)
    return np.concatenate(done) if done else pairs[:0]


def _by_day(pairs: Pairs) -> Iterator[tuple[date, Pairs]]:
    days = minutes_of(pairs) // DAY_MINUTES
    for day in np.unique(days).tolist():
        yield day_of_minute(day * DAY_MINUTES), pairs[days == day]


@dataclass(frozen=True, slots=True)
class _Day:
    """Buckets of one level and day to be computed."""

    recipe: sql.Recipe
    level: Level
    day: date
    is_partial: bool

    def compute(self, pairs: Pairs) -> None:
        """Compute them; where a sum is too large for a double, find the bucket by halving and add it up with care."""
        try:
            with transaction.atomic():
                self._replace(self.recipe, pairs)
        except DataError as error:
            if not isinstance(error.__cause__, NumericValueOutOfRange):
                raise
            if len(pairs) == 1:
                self._replace(replace(self.recipe, careful=True), pairs)
                return
            middle = len(pairs) // 2
            self.compute(pairs[:middle])
            self.compute(pairs[middle:])

    def _replace(self, recipe: sql.Recipe, pairs: Pairs) -> None:
        target = part(recipe.model, self.level, self.day)
        found = _executed(self._statement(recipe, target), pairs)
        if found and not self.is_partial:
            _executed_with(
                SQL(
                    "DELETE FROM {} t USING unnest(%s::int4[], %s::timestamptz[]) AS g (d, b) "
                    "WHERE t.device_id = g.d AND t.bucket = g.b"
                ).format(target),
                [[device for device, _ in found], [bucket for _, bucket in found]],
            )

    def _statement(self, recipe: sql.Recipe, target: Identifier) -> Composed:
        """Return what stores the buckets that have readings, and tells which have none."""
        names = [Identifier(name) for name in ("readings", *sql.names(recipe.fields))]
        more = SQL(" WHERE excluded.readings >= t.readings") if self.is_partial else SQL("")
        return SQL(
            "WITH found AS MATERIALIZED ({found}), stored AS (INSERT INTO {target} AS t (device_id, bucket, {names}) "
            "SELECT device_id, bucket, {names} FROM found WHERE readings > 0 "
            "ON CONFLICT (device_id, bucket) DO UPDATE SET {set}{more}) "
            "SELECT device_id, bucket FROM found WHERE readings = 0"
        ).format(
            found=sql.buckets(recipe, self.level, self.day),
            target=target,
            names=SQL(", ").join(names),
            set=SQL(", ").join(SQL("{0} = excluded.{0}").format(name) for name in names),
            more=more,
        )


def _executed(statement: Composed, pairs: Pairs) -> list[tuple[Any, ...]]:
    return _executed_with(
        statement,
        [
            arrays.encode(arrays.INT4, devices_of(pairs)),
            arrays.encode(arrays.TIMESTAMPTZ, minutes_of(pairs) * MICROS_PER_MINUTE),
        ],
    )


def _executed_with(statement: Composed, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        arrays.accept_arrays(cursor)
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def use_indexes() -> None:
    """Have the rest of the transaction look rows up by index: there are no statistics yet of what came just now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(name, value, true) FROM (VALUES ('enable_seqscan', 'off'), "
            "('enable_bitmapscan', 'off'), ('jit', 'off'), ('max_parallel_workers_per_gather', '0')) AS s (name, value)"
        )


def coarser(level: Level, pairs: Pairs) -> tuple[Level, Pairs] | None:
    """Return the buckets of the next level that some buckets lie in, None above the last level."""
    if level not in COARSER:
        return None
    above = COARSER[level]
    from_minutes = minutes_of(pairs)
    minutes = from_minutes - from_minutes % (60 if above == "1h" else DAY_MINUTES)
    return above, np.unique((pairs - from_minutes) + minutes)
