"""Look after the tables of readings: remove the days that a model no longer keeps, and finish what widening began.

Everything here goes in small steps that may die at any point and be taken up again. No step holds a table for longer
than a change of the catalogue takes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

from validation.models import DataModel, Expired
from validation.publishing import newest, spec_of
from validation.tables import (
    SCHEMA,
    WIDENED,
    columns,
    day_of,
    detach,
    drop_column,
    ensure_partitions,
    partition_name,
    partitions,
)

BLOCKS = 2_000  # of a partition in one step: 16 MB, some 100,000 rows


def expire(now: datetime | None = None) -> int:
    """Remove the days (UTC) that have ended longer ago than their model keeps readings; return how many rows.

    A day is taken out of the table first, which is quick, then counted and dropped. A day that was taken out by a run
    that died is found again by its name; one that its model does keep is put back.
    """
    removed = 0
    for model in DataModel.objects.filter(versions__isnull=False).distinct():
        spec = spec_of(newest(model))
        # The whole day must be older, down to its last microsecond.
        end = date.min
        if spec is not None and spec.retention_days is not None:
            end = ((now or datetime.now(UTC)) - timedelta(days=spec.retention_days)).date()
        for day in sorted(day for day in partitions(model.name) if day < end):
            detach(model.name, day)
        apart = _detached(model.name)
        removed += sum(_drop(model, day) for day in apart if day < end)
        ensure_partitions(model.name, [day for day in apart if day >= end])
    return removed


def _detached(model: str) -> list[date]:
    """Return the days of a model that are tables by themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'r' AND NOT c.relispartition AND c.relname ~ %s",
            [SCHEMA, f"^{re.escape(model)}_p[0-9]{{8}}$"],
        )
        return sorted(day_of(name) for (name,) in cursor.fetchall())


def _drop(model: DataModel, day: date) -> int:
    part = Identifier(SCHEMA, partition_name(model.name, day))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(part))
        cursor.execute(SQL("SELECT count(*) FROM {}").format(part))
        rows: int = cursor.fetchone()[0]
        cursor.execute(SQL("DROP TABLE {}").format(part))
        Expired.objects.create(model=model, day=day, rows=rows)
    return rows


def finish_widening(seconds: float) -> bool:
    """Move values of fields that were integers into their new columns for a while; say whether some are left.

    A column whose values have all been moved is dropped. Rows are locked while they move, some 100,000 at a time.
    """
    deadline = time.monotonic() + seconds
    for model in DataModel.objects.filter(versions__isnull=False).distinct():
        for column in sorted(name for name in columns(model.name) if name.endswith(WIDENED)):
            for part, block in _steps(model.name, column):
                _move(part, column, block)
                if time.monotonic() >= deadline:
                    return True
            # Nobody has written there since the column was renamed, so nothing can have come in meanwhile.
            drop_column(model.name, column)
    return False


def _steps(model: str, column: str) -> Iterator[tuple[Identifier, int]]:
    """Yield the parts of a table, and their first blocks, that still have values to move."""
    for day in sorted(partitions(model), reverse=True):
        part = Identifier(SCHEMA, partition_name(model, day))
        with connection.cursor() as cursor:
            cursor.execute(
                SQL(
                    "SELECT DISTINCT split_part(btrim(ctid::text, '()'), ',', 1)::bigint / {} FROM {} "
                    "WHERE {} IS NOT NULL"
                ).format(Literal(BLOCKS), part, Identifier(column))
            )
            found = sorted(step for (step,) in cursor.fetchall())
        for step in found:
            yield part, step * BLOCKS


def _move(part: Identifier, column: str, block: int) -> None:
    statement = SQL(
        "UPDATE {part} SET {new} = coalesce({new}, {old}), {old} = NULL "
        "WHERE ctid >= {first}::tid AND ctid < {end}::tid AND {old} IS NOT NULL"
    ).format(
        part=part,
        new=Identifier(column.removesuffix(WIDENED)),
        old=Identifier(column),
        first=Literal(f"({block},0)"),
        end=Literal(f"({block + BLOCKS},0)"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement)
