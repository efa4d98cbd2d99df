"""Read what is stored: how devices are, their newest values and readings. Nothing here writes.

Every read is bounded, in rows and in time. Names of models and fields reach SQL only as quoted identifiers, everything
else as parameters.

    TooSlow          PostgreSQL was stopped after READ_TIMEOUT_MS
    TooManyReadings  a history (`validation.history`) holds more than can be read at once
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import orjson
import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL, Composed, Identifier

from ingest.models import Device
from validation import tables
from validation.models import ModelVersion
from validation.moments import EPOCH, MICROSECOND
from validation.spec import Kind, ModelSpec

READ_TIMEOUT_MS = 10_000  # nobody waits longer for a chart, and a read must not hold a connection for ever


class TooSlow(Exception):
    """A read took longer than READ_TIMEOUT_MS and was stopped."""


class TooManyReadings(Exception):
    """A history holds more readings than one answer may read; the message is the limit."""


class Presence(NamedTuple):
    """When a device was last heard of, in one model; model and times are None before its first reading."""

    device: str
    model: str | None
    last_seen: datetime | None
    override: float | None  # seconds between readings that a person set
    learned: float | None


class Newest(NamedTuple):
    """The newest reading of a device by event time, and when anything of it last arrived."""

    device: str
    model: str
    ts: datetime
    seq: int
    received_at: datetime
    last_seen: datetime
    values: dict[str, Any]
    override: float | None
    learned: float | None


class Entry(NamedTuple):
    """One stored reading; `values` holds what was measured."""

    device: str
    model: str
    version: int
    ts: datetime
    received_at: datetime
    seq: int
    values: dict[str, Any]


def model_specs() -> dict[str, ModelSpec]:
    """Return the newest version of each model by the model's name, in alphabetical order."""
    newest = ModelVersion.objects.order_by("model__name", "-number").distinct("model__name")
    return {name: msgspec.convert(spec, ModelSpec) for name, spec in newest.values_list("model__name", "spec")}


def presences(model: str | None = None) -> list[Presence]:
    """Return a row per device and model, ordered by name; a device that never sent anything has one without a model."""
    one = SQL("WHERE l.model_id = (SELECT id FROM validation_datamodel WHERE name = %s)")
    query: Composed = SQL(
        "SELECT d.name, m.name, l.last_seen_at, d.expected_interval_s, l.interval_s FROM ingest_device d "
        "LEFT JOIN validation_latest l ON l.device_id = d.id LEFT JOIN validation_datamodel m ON m.id = l.model_id {} "
        "ORDER BY d.name, m.name"
    ).format(SQL("") if model is None else one)
    return [Presence(*row) for row in rows_of(query, [] if model is None else [model])]


def rows_of(query: SQL | Composed, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return rows in binary, as Django would, for a seventh of what it costs Django: ten thousand take 15 ms."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(query, parameters, binary=True).fetchall()


def device_names(limit: int) -> list[str]:
    """Return the first device names in alphabetical order."""
    return list(Device.objects.order_by("name").values_list("name", flat=True)[:limit])


def device_exists(name: str) -> bool:
    """Tell whether a device is registered."""
    return Device.objects.filter(name=name).exists()


def newest(*, model: str | None = None, device: str | None = None) -> list[Newest]:
    """Return the newest readings of a model, of a device, or of all of both; newest event time first."""
    conditions, names = [SQL("true")], []
    if model is not None:
        conditions, names = [SQL("l.model_id = (SELECT id FROM validation_datamodel WHERE name = %s)")], [model]
    if device is not None:
        conditions, names = [*conditions, SQL("d.name = %s")], [*names, device]
    query = SQL(
        "SELECT d.name, m.name, l.ts, l.seq, l.received_at, l.last_seen_at, l.values::text, d.expected_interval_s, "
        "l.interval_s FROM validation_latest l JOIN ingest_device d ON d.id = l.device_id "
        "JOIN validation_datamodel m ON m.id = l.model_id WHERE {} ORDER BY l.ts DESC, l.seq DESC, d.name"
    ).format(SQL(" AND ").join(conditions))
    return [
        Newest(name, of, ts, seq, received_at, seen_at, orjson.loads(values), override, learned)
        for name, of, ts, seq, received_at, seen_at, values, override, learned in rows_of(query, names)
    ]


def entries(spec: ModelSpec, *, limit: int, device: str | None = None, since: datetime | None = None) -> list[Entry]:
    """Return the newest stored readings of a model by event time, newest first; raises TooSlow.

    The newest `limit` readings belong to the `limit` devices with the newest readings, so only those are looked at,
    each through the table's index.
    """
    existing = tables.columns(spec.name)
    mine = SQL("AND device_id = (SELECT id FROM ingest_device WHERE name = %s)") if device else SQL("")
    recent = SQL("AND ts >= %s") if since else SQL("")
    query = SQL(
        "SELECT d.name, t.* FROM (SELECT device_id FROM validation_latest "
        "WHERE model_id = (SELECT id FROM validation_datamodel WHERE name = %s) {mine} {recent} "
        "ORDER BY ts DESC LIMIT %s) newest "
        "CROSS JOIN LATERAL (SELECT r.version, r.ts, r.received_at, r.seq {values} "
        "FROM {table} r WHERE r.device_id = newest.device_id {recent} ORDER BY ts DESC, seq DESC LIMIT %s) t "
        "JOIN ingest_device d ON d.id = newest.device_id ORDER BY t.ts DESC, t.seq DESC, d.name LIMIT %s"
    ).format(
        values=SQL("").join(
            SQL(", {} AS {}").format(tables.value(field.name, existing), Identifier(f"f{number}"))
            for number, field in enumerate(spec.fields)
        ),
        mine=mine,
        recent=recent,
        table=tables.table(spec.name),
    )
    span = [since] if since else []
    with bounded_read() as cursor:
        cursor.execute(query, [spec.name, *([device] if device else []), *span, limit, *span, limit, limit])
        return [entry_of(spec, row) for row in cursor.fetchall()]


@contextmanager
def bounded_read() -> Iterator[CursorWrapper]:
    """Give a cursor whose statements are stopped after READ_TIMEOUT_MS; then TooSlow is raised."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(READ_TIMEOUT_MS)])
            yield cursor
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise TooSlow(f"{READ_TIMEOUT_MS / 1000:g} s") from error
        raise


def entry_of(spec: ModelSpec, row: tuple[Any, ...]) -> Entry:
    """Return a row of device, version, ts, received_at, seq and the fields of its model as what people read."""
    device, version, ts, received_at, seq, *columns = row
    values = {
        field.name: shown(field.kind, value)
        for field, value in zip(spec.fields, columns, strict=True)
        if value is not None
    }
    return Entry(device, spec.name, version, ts, received_at, seq, values)


def shown(kind: Kind, value: Any) -> Any:
    """Return a value of a column as the pages and the API have it."""
    if kind == "timestamp":
        return (value - EPOCH) // MICROSECOND / 1e6
    if kind == "point":  # psycopg gives it as PostgreSQL writes it: (x,y)
        lon, lat = value.strip("()").split(",")
        return {"lat": float(lat), "lon": float(lon)}
    return value
