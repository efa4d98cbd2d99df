"""Rows of a device around a moment, read through the table's index."""

from __future__ import annotations

from datetime import datetime, timedelta

from psycopg.sql import SQL, Identifier

from validation import tables
from validation.selectors import Entry, bounded_read, entry_of
from validation.spec import ModelSpec


def rows_near(spec: ModelSpec, device: str, at: datetime, within: timedelta, limit: int) -> list[Entry]:
    """Return the stored readings of a device whose event time is near a moment, the nearest first; raises TooSlow."""
    existing = tables.columns(spec.name)
    if not existing:
        return []
    query = SQL(
        "SELECT d.name, r.version, r.ts, r.received_at, r.seq {values} FROM {table} r "
        "JOIN ingest_device d ON d.id = r.device_id WHERE d.name = %s AND r.ts BETWEEN %s AND %s "
        "ORDER BY abs(extract(epoch FROM r.ts - %s)), r.seq LIMIT %s"
    ).format(
        values=SQL("").join(
            SQL(", {} AS {}").format(tables.value(field.name, existing), Identifier(f"f{number}"))
            for number, field in enumerate(spec.fields)
        ),
        table=tables.table(spec.name),
    )
    with bounded_read() as cursor:
        cursor.execute(query, [device, at - within, at + within, at, limit])
        return [entry_of(spec, row) for row in cursor.fetchall()]
