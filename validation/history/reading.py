"""Read readings of several devices and fields as arrays: one block of bytes a model, and no Python object a reading.

A field that a reading does not have is left out of that field's column, so columns of one read differ in length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Composed, Identifier

from validation import blocks, tables
from validation.blocks import Part, block
from validation.moments import EPOCH, MICROS_TO_2000, MICROSECOND
from validation.selectors import TooManyReadings, bounded_read, shown
from validation.spec import FieldSpec, Kind, ModelSpec

# Readings of one read: 52 MB on the way from PostgreSQL. Texts come as objects, at some 150 bytes each.
MAX_READINGS, MAX_TEXTS = 2_000_000, 200_000
# The kinds whose values have one size.
BINARY_KINDS: dict[Kind, blocks.Kind] = {
    "number": "float8",
    "integer": "int8",
    "boolean": "boolean",
    "timestamp": "timestamptz",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of some devices, ordered by device, time and sequence; times in microseconds since 1970.

    The values of a field that is a time are seconds since 1970, and those of a point {"lat": …, "lon": …}.
    """

    devices: NDArray[np.int32]
    micros: NDArray[np.int64]
    values: NDArray[Any]

    def of_device(self, number: int) -> Column:
        """Return the part of one device."""
        part = slice(*np.searchsorted(self.devices, (number, number + 1)).tolist())
        return Column(self.devices[part], self.micros[part], self.values[part])


def readings(
    spec: ModelSpec,
    fields: Sequence[FieldSpec],
    device_ids: Sequence[int],
    start: datetime,
    end: datetime,
    at_most: int,
) -> dict[str, Column]:
    """Return the readings of some devices from `start` to `end`, both included, by field.

    Raises TooManyReadings when there are more than `at_most`, of texts and points more than MAX_TEXTS, and TooSlow.
    """
    existing = tables.columns(spec.name)
    found: dict[str, Column] = {}
    with bounded_read() as cursor:
        sized = [field for field in fields if field.kind in BINARY_KINDS]
        if sized:
            values = [tables.value(field.name, existing) for field in sized]
            found |= _taken(cursor, spec, sized, values, [list(device_ids), start, end, at_most + 1])
        for field in fields:
            if field.kind not in BINARY_KINDS:
                value = tables.value(field.name, existing)
                query = _query(spec, [value], SQL("{} IS NOT NULL").format(value))
                limit = min(at_most, MAX_TEXTS) + 1
                found[field.name] = _fetched(cursor, query, [list(device_ids), start, end, limit], field)
    return found


def _query(spec: ModelSpec, columns: Sequence[Composable], condition: Composable) -> Composed:
    return SQL(
        "SELECT device_id, ts, seq, {} FROM {} WHERE device_id = ANY(%s::integer[]) AND ts BETWEEN %s AND %s AND {}"
    ).format(SQL(", ").join(columns), tables.table(spec.name), condition)


def _parts(place: int, field: FieldSpec, value: Composable) -> list[tuple[Part, Composable]]:
    """Return the columns of a field: its value, and, where nothing else can stand for none, whether there is one."""
    whole = Part(f"value{place}", BINARY_KINDS[field.kind], is_optional=True), value
    if field.kind == "number":  # JSON has no NaN, so no reading has
        return [whole]
    return [whole, (Part(f"there{place}", "boolean"), SQL("{} IS NOT NULL").format(value))]


def _taken(
    cursor: CursorWrapper,
    spec: ModelSpec,
    fields: Sequence[FieldSpec],
    values: Sequence[Composable],
    parameters: list[Any],
) -> dict[str, Column]:
    parts = [part for place, pair in enumerate(zip(fields, values, strict=True)) for part in _parts(place, *pair)]
    named = [SQL("{} AS {}").format(value, Identifier(part.name)) for part, value in parts]
    keys = [Part("device_id", "int4"), Part("ts", "timestamptz"), Part("seq", "int8")]
    query = _query(spec, named, SQL("true")) + SQL(" LIMIT %s")
    rows = block(cursor, query, parameters, [*keys, *(part for part, _ in parts)])
    if len(rows) == parameters[-1]:
        raise TooManyReadings(f"{parameters[-1] - 1:,}")
    # Sorted here: 36,000 rows take 4 ms, and PostgreSQL 14.
    rows = rows[np.lexsort([rows[name].astype(np.int64) for name in ("seq", "ts", "device_id")])]
    devices, micros = rows["device_id"].astype(np.int32), rows["ts"].astype(np.int64) + MICROS_TO_2000
    return {field.name: _column(devices, micros, rows, field, place) for place, field in enumerate(fields)}


def _column(
    devices: NDArray[np.int32], micros: NDArray[np.int64], rows: NDArray[Any], field: FieldSpec, place: int
) -> Column:
    values = rows[f"value{place}"]
    values = values.astype(values.dtype.newbyteorder("="))
    there = ~np.isnan(values) if field.kind == "number" else rows[f"there{place}"]
    if field.kind == "timestamp":
        values = (values + MICROS_TO_2000) / 1e6
    if there.all():
        return Column(devices, micros, values)
    return Column(devices[there], micros[there], values[there])


def _fetched(cursor: CursorWrapper, query: Composed, parameters: list[Any], field: FieldSpec) -> Column:
    cursor.execute(query + SQL(" ORDER BY device_id, ts, seq LIMIT %s"), parameters)
    rows = cursor.fetchall()
    if len(rows) == parameters[-1]:
        raise TooManyReadings(f"{parameters[-1] - 1:,}")
    values = np.empty(len(rows), dtype=object)
    values[:] = [shown(field.kind, value) for *_, value in rows]
    devices = np.array([device for device, *_ in rows], dtype=np.int32)
    return Column(devices, np.array([(ts - EPOCH) // MICROSECOND for _, ts, *_ in rows], dtype=np.int64), values)
