"""Read what is stored: how devices are, their newest values, their history. Nothing here writes.

Every read is bounded, in rows and in time. Names of models and fields reach SQL only as quoted identifiers, everything
else as parameters.

    TooSlow          PostgreSQL was stopped after READ_TIMEOUT_MS
    TooManyReadings  a history holds more than can be read at once
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL, Composable, Identifier

from ingest.models import Device
from validation import tables
from validation.models import Latest, ModelVersion
from validation.moments import EPOCH, MICROSECOND
from validation.spec import FieldSpec, Kind, ModelSpec

READ_TIMEOUT_MS = 10_000  # nobody waits longer for a chart, and a read must not hold a connection for ever
# Readings of one history: 52 MB on the way from PostgreSQL. Texts come as objects, at some 150 bytes each.
MAX_READINGS, MAX_TEXTS = 2_000_000, 200_000

# The kinds whose values have one size, as PostgreSQL's binary COPY writes them.
BINARY_KINDS = {"number": ">f8", "integer": ">i8", "boolean": "?", "timestamp": ">i8"}
COPY_HEAD, COPY_TAIL = 19, 2  # bytes before the first row and after the last one
MICROS_TO_2000 = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01


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


class Series(NamedTuple):
    """One field over time: microseconds since 1970 in ascending order, and as many values, none of them None.

    The values of a field that is a time are seconds since 1970, and those of a point {"lat": …, "lon": …}.
    """

    micros: NDArray[np.int64]
    values: NDArray[Any]


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
    rows = Device.objects.order_by("name", "latest__model__name")
    if model is not None:
        rows = rows.filter(latest__model__name=model)
    columns = ("name", "latest__model__name", "latest__last_seen_at", "expected_interval_s", "latest__interval_s")
    return [Presence(*row) for row in rows.values_list(*columns)]


def device_names(limit: int) -> list[str]:
    """Return the first device names in alphabetical order."""
    return list(Device.objects.order_by("name").values_list("name", flat=True)[:limit])


def device_exists(name: str) -> bool:
    """Tell whether a device is registered."""
    return Device.objects.filter(name=name).exists()


def newest(*, model: str | None = None, device: str | None = None) -> list[Newest]:
    """Return the newest readings of a model, of a device, or of all of both; newest event time first."""
    rows = Latest.objects.order_by("-ts", "-seq", "device__name")
    if model is not None:
        rows = rows.filter(model__name=model)
    if device is not None:
        rows = rows.filter(device__name=device)
    columns = ("device__name", "model__name", "ts", "seq", "received_at", "last_seen_at", "values")
    return [Newest(*row) for row in rows.values_list(*columns, "device__expected_interval_s", "interval_s")]


def history(spec: ModelSpec, field: FieldSpec, device: str, start: datetime, end: datetime) -> Series:
    """Return a field's readings of a device from `start` to `end`, both included, ordered by time and sequence.

    Readings without that field are left out. Raises TooManyReadings and TooSlow.
    """
    limit = (MAX_READINGS if field.kind in BINARY_KINDS else MAX_TEXTS) + 1
    column = tables.value(field.name, tables.columns(spec.name))
    query = SQL(
        "SELECT ts, {} FROM {} WHERE device_id = (SELECT id FROM ingest_device WHERE name = %s) "
        "AND ts BETWEEN %s AND %s AND {} IS NOT NULL ORDER BY ts, seq LIMIT %s"
    ).format(column, tables.table(spec.name), column)
    parameters = [device, start, end, limit]
    with bounded_read() as cursor:
        if field.kind in BINARY_KINDS:
            series = _copied(cursor, query, parameters, field.kind)
        else:
            series = _fetched(cursor, query, parameters, field.kind)
    if len(series.micros) == limit:
        raise TooManyReadings(f"{limit - 1:,}")
    return series


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


def _copied(cursor: CursorWrapper, query: Composable, parameters: list[Any], kind: str) -> Series:
    """Read rows of fixed size as one block of bytes: a million of them cost half a second and no Python objects."""
    value = np.dtype(BINARY_KINDS[kind])
    layout = np.dtype([("columns", ">i2"), ("ts_size", ">i4"), ("ts", ">i8"), ("size", ">i4"), ("value", value)])
    raw: psycopg.Cursor[Any] = cursor.cursor
    statement = SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(query)
    with connection.wrap_database_errors, raw.copy(statement, parameters) as copy:
        data = b"".join(copy)
    count = (len(data) - COPY_HEAD - COPY_TAIL) // layout.itemsize
    rows = np.frombuffer(data, layout, count=count, offset=COPY_HEAD)
    values = rows["value"].astype(value.newbyteorder("="))
    if kind == "timestamp":
        values = (values + MICROS_TO_2000) / 1e6
    return Series(rows["ts"].astype(np.int64) + MICROS_TO_2000, values)


def _fetched(cursor: CursorWrapper, query: Composable, parameters: list[Any], kind: Kind) -> Series:
    cursor.execute(query, parameters)
    rows = cursor.fetchall()
    micros = np.array([(ts - EPOCH) // MICROSECOND for ts, _ in rows], dtype=np.int64)
    values = np.empty(len(rows), dtype=object)
    values[:] = [_shown(kind, value) for _, value in rows]
    return Series(micros, values)


def entry_of(spec: ModelSpec, row: tuple[Any, ...]) -> Entry:
    """Return a row of device, version, ts, received_at, seq and the fields of its model as what people read."""
    device, version, ts, received_at, seq, *columns = row
    values = {
        field.name: _shown(field.kind, value)
        for field, value in zip(spec.fields, columns, strict=True)
        if value is not None
    }
    return Entry(device, spec.name, version, ts, received_at, seq, values)


def _shown(kind: Kind, value: Any) -> Any:
    """Return a value of a column as the pages and the API have it."""
    if kind == "timestamp":
        return (value - EPOCH) // MICROSECOND / 1e6
    if kind == "point":  # psycopg gives it as PostgreSQL writes it: (x,y)
        lon, lat = value.strip("()").split(",")
        return {"lat": float(lat), "lon": float(lon)}
    return value
