"""Look after the tables of readings: make the days to come, and finish what widening began.

Everything here goes in small steps that may die at any point and be taken up again. No step holds a table for longer
than a change of the catalogue takes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection
from psycopg.sql import SQL, Identifier, Literal

from validation.models import DataModel, Latest
from validation.rollups import tables as rollups
from validation.rollups.levels import LEVELS
from validation.tables import SCHEMA, WIDENED, columns, drop_column, ensure_partitions, partition_name, partitions

DAYS_AHEAD = 2  # a reading may be ahead by some minutes, and the task may not run for a day
BLOCKS = 2_000  # of a partition in one step: 16 MB, some 100,000 rows


def make_ahead(now: datetime | None = None) -> None:
    """Make the partitions of the coming days of models that readings come in for, so that no reading has to wait."""
    moment = now or datetime.now(UTC)
    days = [moment.date() + timedelta(days=ahead) for ahead in range(DAYS_AHEAD + 1)]
    fresh = Latest.objects.filter(last_seen_at__gte=moment - timedelta(days=DAYS_AHEAD))
    for model in DataModel.objects.filter(pk__in=fresh.values("model"), versions__isnull=False).distinct():
        ensure_partitions(model.name, days)
        for level in LEVELS:
            if rollups.columns(model.name, level):
                rollups.ensure_parts(model.name, level, days)


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
