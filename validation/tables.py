"""One typed, daily-partitioned table per data model, in the schema `telemetry`: what makes and widens them.

Layout: ts, received_at, seq, device_id, version, then a column per field; unique by (device_id, ts, seq). Partitions
are days in UTC. There is no default partition: a time outside the model's window never gets this far, and a default
one would have to be locked and scanned whenever a new day is attached.

Locks: adding a column takes ACCESS EXCLUSIVE for the blink of a catalogue change, attaching a day SHARE UPDATE
EXCLUSIVE; both give up after LOCK_TIMEOUT and try again, so that they never make a queue in front of the readers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import LiteralString

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Composed, Identifier, Literal

from validation.spec import FieldSpec, Kind, ModelSpec

SCHEMA = "telemetry"
LOCK_TIMEOUT = "500ms"
LOCK_TRIES = 20
COLUMN_TYPES: dict[Kind, LiteralString] = {
    "number": "double precision",
    "integer": "bigint",
    "boolean": "boolean",
    "text": "text",
    "choice": "text",
    "timestamp": "timestamp with time zone",
}


def table(model: str) -> Identifier:
    """Return the quoted name of a model's table."""
    return Identifier(SCHEMA, model)


def partition_name(model: str, day: date) -> str:
    """Return the name of the partition that holds a day (UTC)."""
    return f"{model}_p{day:%Y%m%d}"


def faults_of_types(spec: ModelSpec, existing: dict[str, str]) -> list[str]:
    """Return, as sentences, which fields want a column that the table has already with another type. Pure."""
    return [
        f"The column {field.name!r} holds {existing[field.name]}, and a {field.kind} needs {COLUMN_TYPES[field.kind]}. "
        "Give the new meaning a new name; the old column keeps its data."
        for field in spec.fields
        if existing.get(field.name, COLUMN_TYPES[field.kind]) != COLUMN_TYPES[field.kind]
    ]


def ensure_table(spec: ModelSpec) -> None:
    """Create a model's table, or add the columns that its newer fields need. May run in several processes at once."""

    def change() -> Composed | None:
        existing = columns(spec.name)
        missing = [field for field in spec.fields if field.name not in existing]
        if not existing:
            return _create_table(spec)
        return _add_columns(spec.name, missing) if missing else None

    _with_short_lock(change)


def columns(model: str) -> dict[str, str]:
    """Return the columns of a model's table and their types; empty when there is no table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [SCHEMA, model],
        )
        return dict(cursor.fetchall())


def partitions(model: str) -> set[date]:
    """Return the days that a model's table has partitions for."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND c.relname ~ '_p[0-9]{8}$'",
            [SCHEMA, model],
        )
        return {datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC).date() for (name,) in cursor.fetchall()}


def ensure_partitions(model: str, days: Iterable[date]) -> None:
    """Make the partitions of some days (UTC) where they are missing. May run in several processes at once."""
    for day in sorted(days):
        _with_short_lock(partial(_missing_partition, model, day))


def _missing_partition(model: str, day: date) -> Composed | None:
    return None if day in partitions(model) else _create_partition(model, day)


def _with_short_lock(find: Callable[[], Composed | None]) -> None:
    """Run the schema change that is found to be missing, alone of its kind; wait for locks only briefly and try again.

    Raises OperationalError when readers or writers of a table leave no gap for LOCK_TRIES times LOCK_TIMEOUT.
    """
    for attempt in range(LOCK_TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext('dataflow:tables'))")
                statement = find()
                if statement is not None:
                    cursor.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(LOCK_TIMEOUT)))
                    cursor.execute(statement)
                    cursor.execute("SET LOCAL lock_timeout = DEFAULT")
                return
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable) or attempt == LOCK_TRIES - 1:
                raise
            time.sleep(0.05 * (attempt + 1))


def _create_table(spec: ModelSpec) -> Composed:
    return SQL(
        "CREATE SCHEMA IF NOT EXISTS {schema};"
        "CREATE TABLE {table} (ts timestamptz NOT NULL, received_at timestamptz NOT NULL, "
        "seq bigint NOT NULL DEFAULT 0, device_id integer NOT NULL, version integer NOT NULL {fields}, "
        "UNIQUE (device_id, ts, seq)) PARTITION BY RANGE (ts)"
    ).format(
        schema=Identifier(SCHEMA),
        table=table(spec.name),
        fields=SQL("").join(SQL(", {} {}").format(Identifier(f.name), _type(f)) for f in spec.fields),
    )


def _add_columns(model: str, fields: list[FieldSpec]) -> Composed:
    added = SQL(", ").join(SQL("ADD COLUMN IF NOT EXISTS {} {}").format(Identifier(f.name), _type(f)) for f in fields)
    return SQL("ALTER TABLE {} {}").format(table(model), added)


def _create_partition(model: str, day: date) -> Composed:
    """Build the day apart and attach it, which keeps readers and writers going (CREATE … PARTITION OF would not).

    The new table is empty, so the scan that attaching makes costs nothing.
    """
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return SQL(
        "CREATE TABLE {part} (LIKE {table} INCLUDING DEFAULTS);"
        "ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({start}) TO ({end})"
    ).format(
        part=Identifier(SCHEMA, partition_name(model, day)),
        table=table(model),
        start=Literal(start.isoformat()),
        end=Literal((start + timedelta(days=1)).isoformat()),
    )


def _type(field: FieldSpec) -> SQL:
    return SQL(COLUMN_TYPES[field.kind])
