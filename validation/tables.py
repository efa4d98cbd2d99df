"""One typed, daily-partitioned table per data model, in the schema `telemetry`: what makes and widens them.

Layout: ts, received_at, seq, device_id, version, then a column per field; unique by (device_id, ts, seq). Partitions
are days in UTC. There is no default partition: a time outside the model's window never gets this far, and a default
one would have to be locked and scanned whenever a new day is attached. A model that keeps unknown keys has a column
`extra` (jsonb) as well.

An integer that becomes a number gets a new column of its name; the old one is renamed, so that nothing is rewritten
under a lock. `value` reads both, and `validation.upkeep` moves the old values over in small steps.

Locks: adding a column takes ACCESS EXCLUSIVE for the blink of a catalogue change, attaching a day SHARE UPDATE
EXCLUSIVE; both give up after LOCK_TIMEOUT and try again, so that they never make a queue in front of the readers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import LiteralString

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from validation.spec import WIDENED as WIDENED
from validation.spec import FieldSpec, Kind, ModelSpec

SCHEMA = "telemetry"
LOCK_TIMEOUT = "500ms"
LOCK_TRIES = 20
LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer
COLUMN_TYPES: dict[Kind, LiteralString] = {
    "number": "double precision",
    "integer": "bigint",
    "boolean": "boolean",
    "text": "text",
    "choice": "text",
    "timestamp": "timestamp with time zone",
    "point": "point",  # x is the longitude, y the latitude, as PostGIS has it
}


def table(model: str) -> Identifier:
    """Return the quoted name of a model's table."""
    return Identifier(SCHEMA, model)


def partition_name(model: str, day: date) -> str:
    """Return the name of the partition that holds a day (UTC)."""
    return f"{model}_p{day:%Y%m%d}"


def faults_of_types(spec: ModelSpec, existing: dict[str, str]) -> list[str]:
    """Return, as sentences, which fields want a column that the table has already with another type. Pure."""
    faults = [fault for field in spec.fields if (fault := _fault_of_type(field, existing))]
    if spec.unknown == "keep" and existing.get("extra", "jsonb") != "jsonb":
        faults.append("The table has a column extra from an older version, so there is no place for unknown keys.")
    return faults


def _fault_of_type(field: FieldSpec, existing: dict[str, str]) -> str | None:
    holds, needs = existing.get(field.name), COLUMN_TYPES[field.kind]
    if holds is None or holds == needs:
        return None
    if _widens(field, existing):
        if len(field.name + WIDENED) <= LONGEST_NAME:
            return None
        return f"The name {field.name!r} is too long to become a number: use a new, shorter one."
    return (
        f"The column {field.name!r} holds {holds}, and a {field.kind} needs {needs}. "
        "Give the new meaning a new name; the old column keeps its data."
    )


def _widens(field: FieldSpec, existing: dict[str, str]) -> bool:
    return field.kind == "number" and existing.get(field.name) == COLUMN_TYPES["integer"]


def ensure_table(spec: ModelSpec) -> bool:
    """Create a model's table, or give it the columns that its newer fields need; say whether anything was missing.

    May run in several processes at once. Until the end of the transaction nobody else uses the table.
    """

    def change() -> Composed | None:
        existing = columns(spec.name)
        return _change_table(spec, existing) if existing else _create_table(spec)

    return with_short_lock(change)


def value(field: str, existing: Container[str]) -> Composable:
    """Return how to read a field from a table with these columns, also where it was an integer before."""
    old = field + WIDENED
    if old not in existing:
        return Identifier(field)
    return SQL("coalesce({}, {}::double precision)").format(Identifier(field), Identifier(old))


def columns(model: str) -> dict[str, str]:
    """Return the columns of a model's table and their types; empty when there is no table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [SCHEMA, model],
        )
        return dict(cursor.fetchall())


def partitions(model: str) -> set[date]:
    """Return the days that a model's table has partitions for; not one whose detaching was begun and interrupted."""
    return {day for day, pending in _attached(model).items() if not pending}


def _attached(model: str) -> dict[date, bool]:
    """Return the days of a model's table, and whether their detaching was begun and interrupted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, i.inhdetachpending FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = to_regclass(format('%%I.%%I', %s::text, %s::text)) AND c.relname ~ '_p[0-9]{8}$'",
            [SCHEMA, model],
        )
        return {day_of(name): pending for name, pending in cursor.fetchall()}


def day_of(partition: str) -> date:
    """Return the day (UTC) of a partition's name."""
    return datetime.strptime(partition[-8:], "%Y%m%d").replace(tzinfo=UTC).date()


def ensure_partitions(model: str, days: Iterable[date]) -> None:
    """Make the partitions of some days (UTC) where they are missing. May run in several processes at once."""
    for day in sorted(days):
        with_short_lock(partial(_missing_partition, model, day))


def _missing_partition(model: str, day: date) -> Composed | None:
    """Return what puts a day in its place: from nothing, or from where an interrupted change or a person left it."""
    pending = _attached(model).get(day)
    if pending is False:
        return None
    if pending:
        part = Identifier(SCHEMA, partition_name(model, day))
        finish = SQL("ALTER TABLE {} DETACH PARTITION {} FINALIZE;").format(table(model), part)
        return finish + _attach(model, day)
    return _attach(model, day) if columns(partition_name(model, day)) else _create_partition(model, day)


def detach(model: str, day: date) -> bool:
    """Take a day (UTC) out of a model's table; what it held is a table by itself then. Say whether it was there."""

    def change() -> Composed | None:
        if day not in partitions(model):
            return None
        part = Identifier(SCHEMA, partition_name(model, day))
        return SQL("ALTER TABLE {} DETACH PARTITION {}").format(table(model), part)

    return with_short_lock(change)


def drop_column(model: str, column: str) -> bool:
    """Take a column away from a model's table; say whether it was there."""

    def change() -> Composed | None:
        if column not in columns(model):
            return None
        return SQL("ALTER TABLE {} DROP COLUMN {}").format(table(model), Identifier(column))

    return with_short_lock(change)


def with_short_lock(find: Callable[[], Composed | None]) -> bool:
    """Run the schema change that is found to be due, alone of its kind; wait for locks only briefly and try again.

    Returns whether there was one. Raises OperationalError when readers or writers of a table leave no gap for
    LOCK_TRIES times LOCK_TIMEOUT.
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
                return statement is not None
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable) or attempt == LOCK_TRIES - 1:
                raise
            time.sleep(0.05 * (attempt + 1))
    raise AssertionError("the last attempt returns or raises")


def _create_table(spec: ModelSpec) -> Composed:
    return SQL(
        "CREATE SCHEMA IF NOT EXISTS {schema};"
        "CREATE TABLE {table} (ts timestamptz NOT NULL, received_at timestamptz NOT NULL, "
        "seq bigint NOT NULL DEFAULT 0, device_id integer NOT NULL, version integer NOT NULL {fields}, "
        "UNIQUE (device_id, ts, seq)) PARTITION BY RANGE (ts)"
    ).format(
        schema=Identifier(SCHEMA),
        table=table(spec.name),
        fields=SQL("").join(SQL(", {} {}").format(*column) for column in _new_columns(spec, {})),
    )


def _change_table(spec: ModelSpec, existing: dict[str, str]) -> Composed | None:
    """Return what gives a table its missing columns, in one statement string and so under one lock; None if nothing."""
    widened = [field.name for field in spec.fields if _widens(field, existing)]
    kept = {name: kind for name, kind in existing.items() if name not in widened}
    added = [SQL("ADD COLUMN {} {}").format(*column) for column in _new_columns(spec, kept)]
    if not added:
        return None
    renamed = [
        SQL("ALTER TABLE {} RENAME COLUMN {} TO {};").format(table(spec.name), Identifier(n), Identifier(n + WIDENED))
        for n in widened
    ]
    alter = SQL("ALTER TABLE {} {}").format(table(spec.name), SQL(", ").join(added))
    return SQL("").join([*renamed, alter])


def _new_columns(spec: ModelSpec, existing: Container[str]) -> Iterator[tuple[Identifier, SQL]]:
    """Yield name and type of each column that a model needs and its table does not have."""
    for field in spec.fields:
        if field.name not in existing:
            yield Identifier(field.name), SQL(COLUMN_TYPES[field.kind])
    if spec.unknown == "keep" and "extra" not in existing:
        yield Identifier("extra"), SQL("jsonb")


def _create_partition(model: str, day: date) -> Composed:
    """Build the day apart and attach it, which keeps readers and writers going (CREATE … PARTITION OF would not).

    The new table is empty, so the scan that attaching makes costs nothing.
    """
    part = Identifier(SCHEMA, partition_name(model, day))
    like = SQL("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING CONSTRAINTS);").format(part, table(model))
    return like + _attach(model, day)


def _attach(model: str, day: date) -> Composed:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return SQL("ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ({start}) TO ({end})").format(
        part=Identifier(SCHEMA, partition_name(model, day)),
        table=table(model),
        start=Literal(start.isoformat()),
        end=Literal((start + timedelta(days=1)).isoformat()),
    )
