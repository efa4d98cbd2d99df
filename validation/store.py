"""Write rows into the typed tables: columns at a time, sorted by key, duplicates counted and never stored twice."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import psycopg
from django.db import DataError, IntegrityError, connection, transaction
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier

from validation import arrays
from validation.checks import unit_of
from validation.moments import microseconds
from validation.pipeline import Rows
from validation.spec import FieldSpec
from validation.tables import table

SUM_BITS = 32  # of a sequence that this module makes up
Key = tuple[int, int, int]  # of a row: device, event time in microseconds since 1970, sequence
COLUMN_KINDS = {
    "number": arrays.FLOAT8,
    "integer": arrays.INT8,
    "boolean": arrays.BOOL,
    "text": arrays.TEXT,
    "choice": arrays.TEXT,
    "timestamp": arrays.TIMESTAMPTZ,
    "point": arrays.POINT,
}


@dataclass(slots=True)
class Columns:
    """Rows of one model as arrays, sorted by the table's key, so that two workers take locks in one order."""

    rows: Rows
    order: NDArray[np.intp]
    devices: NDArray[np.int32]
    micros: NDArray[np.int64]
    seqs: NDArray[np.int64]
    received: NDArray[np.int64]
    entries: NDArray[np.int32]
    values: list[tuple[FieldSpec, list[Any]]]
    extra: list[bytes | None] | None = None  # what no path names, as JSON, when the model keeps it

    def __len__(self) -> int:
        return len(self.order)

    @property
    def days(self) -> set[int]:
        """Return the days since 1970 (UTC) that the rows fall on."""
        return set(np.unique(self.micros // 86_400_000_000).tolist())


def columns_of(rows: Rows, device_ids: dict[str, int]) -> Columns:
    """Turn judged rows into sorted columns. Pure."""
    spec = rows.model.spec
    devices = np.array([device_ids[name] for name in rows.devices], dtype=np.int32)
    micros = np.array(rows.micros, dtype=np.int64)
    seqs = np.array(_sequence(rows), dtype=np.int64)
    order = np.lexsort((seqs, micros, devices))
    received = (np.array(rows.received)[order] * 1e6).round().astype(np.int64)
    entries = np.array(rows.entries, dtype=np.int32)[order]
    readings = [rows.readings[place] for place in order.tolist()]
    values = [(field, _column(field, f"f{number}", readings)) for number, field in enumerate(spec.fields)]
    extra = [reading.x for reading in readings] if spec.unknown == "keep" else None
    return Columns(rows, order, devices[order], micros[order], seqs[order], received, entries, values, extra)


def _sequence(rows: Rows) -> list[int]:
    """Return the sequence of each reading, 0 where it has none.

    Messages that a socket brought at once have one moment of receipt. Where that is the event time, readings without
    a sequence would look like one another's duplicates, so they get one: their order in the upper bits, and below it a
    sum of their values, which also tells a reading that comes out of quarantine from its stored neighbours.
    """
    spec = rows.model.spec
    given = [reading.s for reading in rows.readings] if spec.sequence_key else [None] * len(rows)
    if spec.time_source == "payload":
        return [seq or 0 for seq in given]
    sequence = []
    before: Counter[tuple[str, int]] = Counter()
    for seq, reading, moment in zip(given, rows.readings, zip(rows.devices, rows.micros, strict=True), strict=True):
        if seq is None:
            seq = before[moment] << SUM_BITS | zlib.crc32(msgspec.msgpack.encode(reading))
            before[moment] += 1
        sequence.append(seq)
    return sequence


def _column(field: FieldSpec, attribute: str, readings: list[Any]) -> list[Any]:
    values = list(map(attrgetter(attribute), readings))
    if field.kind == "timestamp":
        unit = unit_of(field)
        return [None if value is None else microseconds(value, unit) for value in values]
    return values


@dataclass(slots=True)
class Inserted:
    """What became of some rows: duplicates by (entry, device), and places that PostgreSQL refused, with its words."""

    duplicates: Counter[tuple[int, int]] = field(default_factory=Counter)
    again: list[int] = field(default_factory=list)  # the places of the duplicates
    refused: dict[int, str] = field(default_factory=dict)


def insert(columns: Columns, *, isolate: bool = False) -> Inserted:
    """Insert rows; one statement for all of them.

    Only when some were there already is it taken back and done again with questions, to know which. When PostgreSQL
    refuses a row, DataError or IntegrityError is raised; with `isolate` the rows are halved instead until only the
    guilty ones are left out.
    """
    inserted = Inserted()
    places = np.arange(len(columns))
    if isolate:
        new = _insert_halves(columns, places, inserted.refused)
    else:
        with transaction.atomic():
            if _insert(columns, places) == len(columns):
                return inserted
            transaction.set_rollback(True)
        new = _insert_telling(columns, places)
    _count_duplicates(columns, new, inserted)
    return inserted


def _count_duplicates(columns: Columns, new: set[Key], inserted: Inserted) -> None:
    """Count the rows that are not in the table because their keys were; of equal rows the first one to come is new."""
    keys = zip(columns.devices.tolist(), columns.micros.tolist(), columns.seqs.tolist(), strict=True)
    entries = columns.entries.tolist()
    for place, key in enumerate(keys):
        if place in inserted.refused:
            continue
        if key in new:
            new.remove(key)
        else:
            inserted.duplicates[entries[place], key[0]] += 1
            inserted.again.append(place)


def without(columns: Columns, places: Iterable[int]) -> Columns:
    """Return the columns without the rows at some places."""
    keep = np.ones(len(columns), dtype=bool)
    keep[list(places)] = False
    kept = np.flatnonzero(keep).tolist()
    return Columns(
        columns.rows,
        columns.order[keep],
        columns.devices[keep],
        columns.micros[keep],
        columns.seqs[keep],
        columns.received[keep],
        columns.entries[keep],
        [(spec, [column[place] for place in kept]) for spec, column in columns.values],
        [columns.extra[place] for place in kept] if columns.extra is not None else None,
    )


def _insert_halves(columns: Columns, places: NDArray[np.intp], refused: dict[int, str]) -> set[Key]:
    """Insert what can be inserted; note each place that cannot, and why. Return the keys that were new."""
    try:
        with transaction.atomic():
            return _insert_telling(columns, places)
    except (DataError, IntegrityError) as error:
        if len(places) == 1:
            refused[int(places[0])] = str(error).strip().split("\n")[0]
            return set()
    middle = len(places) // 2
    return _insert_halves(columns, places[:middle], refused) | _insert_halves(columns, places[middle:], refused)


def _insert(columns: Columns, places: NDArray[np.intp]) -> int:
    """Insert the rows at some places in one statement; return how many were new."""
    with _executed(columns, places, SQL("")) as cursor:
        return cursor.rowcount


def _insert_telling(columns: Columns, places: NDArray[np.intp]) -> set[Key]:
    """Insert the rows at some places in one statement; return the keys that were new."""
    ending = SQL(" RETURNING device_id, (extract(epoch FROM ts) * 1000000)::bigint, seq")
    with _executed(columns, places, ending) as cursor:
        return set(cursor.fetchall())


@contextmanager
def _executed(columns: Columns, places: NDArray[np.intp], ending: SQL) -> Iterator[psycopg.Cursor[Any]]:
    """Insert the rows at some places on Django's connection, with the parameters bound by the server.

    Django's own cursor would write every value into the statement's text.
    """
    names, parameters = _parameters(columns, places)
    statement = SQL(
        "INSERT INTO {} (version, ts, received_at, seq, device_id{}) SELECT {}, * FROM unnest({}) "
        "ON CONFLICT DO NOTHING{}"
    ).format(
        table(columns.rows.model.spec.name),
        SQL("").join(SQL(", {}").format(Identifier(name)) for name in names),
        columns.rows.model.version,
        SQL(", ").join([SQL("%s")] * len(parameters)),
        ending,
    )
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        arrays.accept_arrays(cursor)
        cursor.execute(statement, parameters)
        yield cursor


def _parameters(columns: Columns, places: NDArray[np.intp]) -> tuple[list[str], list[arrays.Array]]:
    """Return the names of the fields that hold anything, and all columns as arrays."""
    names: list[str] = []
    parameters = [
        arrays.encode(arrays.TIMESTAMPTZ, columns.micros[places]),
        arrays.encode(arrays.TIMESTAMPTZ, columns.received[places]),
        arrays.encode(arrays.INT8, columns.seqs[places]),
        arrays.encode(arrays.INT4, columns.devices[places]),
    ]
    picked = places.tolist() if len(places) < len(columns) else None
    whole = [(spec.name, COLUMN_KINDS[spec.kind], column) for spec, column in columns.values]
    whole += [("extra", arrays.JSONB, columns.extra)] if columns.extra is not None else []
    for name, kind, column in whole:
        values = column if picked is None else [column[place] for place in picked]
        if any(value is not None for value in values):
            names.append(name)
            parameters.append(arrays.encode(kind, values))
    return names, parameters
