"""The tables of rollups, in the schema `rollup`: what makes, widens and divides them, and what names them.

A model has one a level (`vehicle_1m`, `vehicle_1h`, `vehicle_1d`), unique by device and bucket, with partitions of a
day, a month and a year (UTC). They are changed as the tables of readings are, under short locks (`validation.tables`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import partial

from django.db import connection
from psycopg.sql import SQL, Composed, Identifier, Literal

from validation import tables
from validation.rollups.layout import MAX_COLUMNS, columns_of, rolled_up
from validation.rollups.levels import LEVELS, Level, Source, midnight, period, period_end
from validation.spec import FieldSpec, ModelSpec
from validation.tables import with_short_lock

SCHEMA = "rollup"
ENDINGS: dict[Source, str] = {"raw": "%Y%m%d", "1m": "%Y%m%d", "1h": "%Y%m", "1d": "%Y"}
DIGITS: dict[Source, int] = {"raw": 8, "1m": 8, "1h": 6, "1d": 4}


def name_of(model: str, level: Source) -> str:
    """Return the name of a level's table without its schema."""
    return model if level == "raw" else f"{model}_{level}"


def schema_of(level: Source) -> str:
    """Return the schema of a level's tables."""
    return tables.SCHEMA if level == "raw" else SCHEMA


def table(model: str, level: Source) -> Identifier:
    """Return the quoted name of a level's table."""
    return Identifier(schema_of(level), name_of(model, level))


def part(model: str, level: Source, day: date) -> Identifier:
    """Return the quoted name of the partition that holds a day (UTC)."""
    return Identifier(schema_of(level), _part_name(model, level, day))


def _part_name(model: str, level: Source, day: date) -> str:
    return f"{name_of(model, level)}_p{period(level, day):{ENDINGS[level]}}"


def columns(model: str, level: Level) -> set[str]:
    """Return the columns of a level's table; empty when there is no table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(format('%%I.%%I', %s::text, %s::text)) "
            "AND attnum > 0 AND NOT attisdropped",
            [SCHEMA, name_of(model, level)],
        )
        return {name for (name,) in cursor.fetchall()}


def parts(model: str, level: Source) -> list[date]:
    """Return the first days of the partitions that exist, in order; those that are tables by themselves included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'r' AND c.relname ~ %s",
            [schema_of(level), f"^{re.escape(name_of(model, level))}_p[0-9]{{{DIGITS[level]}}}$"],
        )
        return sorted(day_of(name, level) for (name,) in cursor.fetchall())


def day_of(name: str, level: Source) -> date:
    """Return the first day of a partition by its name."""
    return datetime.strptime(name[-DIGITS[level] :], ENDINGS[level]).replace(tzinfo=UTC).date()


def fields_with_columns(spec: ModelSpec, existing: set[str]) -> list[FieldSpec]:
    """Return the fields of a model that its rollups have all columns of."""
    return [field for field in rolled_up(spec) if columns_of(field).keys() <= existing]


def ensure_tables(spec: ModelSpec) -> bool:
    """Create a model's tables, or give them the columns of its newer fields; say whether they are new.

    May run in several processes at once. Raises OperationalError when readers leave a table no gap.
    """
    created = False
    for level in LEVELS:
        # Looked at first without the lock, because mostly nothing is missing.
        if _missing_table(spec, level):
            created |= with_short_lock(partial(_missing_table, spec, level))
        if _missing_columns(spec, level):
            with_short_lock(partial(_missing_columns, spec, level))
    return created


def _missing_table(spec: ModelSpec, level: Level) -> Composed | None:
    if columns(spec.name, level):
        return None
    return SQL(
        "CREATE SCHEMA IF NOT EXISTS {schema};"
        "CREATE TABLE {table} (device_id integer NOT NULL, bucket timestamptz NOT NULL, readings bigint NOT NULL, "
        "UNIQUE (device_id, bucket)) PARTITION BY RANGE (bucket)"
    ).format(schema=Identifier(SCHEMA), table=table(spec.name, level))


def _missing_columns(spec: ModelSpec, level: Level) -> Composed | None:
    existing = columns(spec.name, level)
    added = []
    for field in rolled_up(spec):
        wanted = {name: kind for name, kind in columns_of(field).items() if name not in existing}
        if wanted and len(existing) + len(wanted) <= MAX_COLUMNS:
            existing |= wanted.keys()
            added += [SQL("ADD COLUMN {} {}").format(Identifier(name), SQL(kind)) for name, kind in wanted.items()]
    return SQL("ALTER TABLE {} {}").format(table(spec.name, level), SQL(", ").join(added)) if added else None


def ensure_parts(model: str, level: Level, days: Iterable[date]) -> None:
    """Make the partitions that hold some days (UTC) where they are missing. May run in several processes at once."""
    missing = {period(level, day) for day in days} - set(parts(model, level))
    for start in sorted(missing):
        with_short_lock(partial(_missing_part, model, level, start))


def _missing_part(model: str, level: Level, start: date) -> Composed | None:
    if start in parts(model, level):
        return None
    return SQL(
        "CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);"
        "ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({start}) TO ({end})"
    ).format(
        part=part(model, level, start),
        table=table(model, level),
        start=Literal(midnight(start).isoformat()),
        end=Literal(midnight(period_end(level, start)).isoformat()),
    )
