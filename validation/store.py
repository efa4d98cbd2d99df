"""Write rows into the typed tables: columns at a time, sorted by key, duplicates counted and never stored twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psycopg
from django.db import DataError, IntegrityError, connection, transaction
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier

from validation import arrays
from validation.moments import microseconds
from validation.pipeline import Rows
from validation.spec import FieldSpec
from validation.tables import table

COLUMN_KINDS = {
    "number": arrays.FLOAT8,
    "integer": arrays.INT8,
    "boolean": arrays.BOOL,
    "text": arrays.TEXT,
    "choice": arrays.TEXT,
    "timestamp": arrays.TIMESTAMPTZ,
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

    def __len__(self) -> int:
        return len(self.order)

    @property
    def days(self) -> set[int]:
        """Return the days since 1970 (UTC) that the rows fall on."""
        return set(np.unique(self.micros // 86_400_000_000).tolist())


def columns_of(rows: Rows, device_ids: dict[str, int]) -> Columns:
    """Turn judged rows into sorted columns. Pure."""
    devices = np.array([device_ids[name] for name in rows.devices], dtype=np.int32)
    micros = np.array(rows.micros, dtype=np.int64)
    sequence = rows.model.spec.sequence_key
    seqs = np.array([reading.s or 0 for reading in rows.readings] if sequence else [0] * len(rows), dtype=np.int64)
    order = np.lexsort((seqs, micros, devices))
    received = (np.array(rows.received)[order] * 1e6).round().astype(np.int64)
    places = order.tolist()
    values: list[tuple[FieldSpec, list[Any]]] = []
    for number, spec in enumerate(rows.model.spec.fields):
        attribute = f"f{number}"
        column = [getattr(rows.readings[place], attribute) for place in places]
        if spec.kind == "timestamp":
            column = [None if value is None else microseconds(value) for value in column]
        values.append((spec, column))
    entries = np.array(rows.entries, dtype=np.int32)[order]
    return Columns(rows, order, devices[order], micros[order], seqs[order], received, entries, values)


@dataclass(slots=True)
class Inserted:
    """What became of some rows: duplicates by (entry, device), and places that PostgreSQL refused, with its words."""

    duplicates: Counter[tuple[int, int]] = field(default_factory=Counter)
    refused: dict[int, str] = field(default_factory=dict)


def insert(columns: Columns, *, isolate: bool = False) -> Inserted:
    """Insert rows; one statement for all of them.

    Only when some were there already is it taken back and done again entry by entry, to know whose they were. When
    PostgreSQL refuses a row, DataError or IntegrityError is raised; with `isolate` the rows are halved instead until
    only the guilty ones are left out.
    """
    inserted = Inserted()
    if not isolate:
        with transaction.atomic():
            if _insert(columns, np.arange(len(columns))) == len(columns):
                return inserted
            transaction.set_rollback(True)
    for entry in np.unique(columns.entries).tolist():
        places = np.flatnonzero(columns.entries == entry)
        tried = Counter(columns.devices[places].tolist())
        if isolate:
            tried.subtract(_insert_halves(columns, places, inserted.refused))
        else:
            tried.subtract(_insert_telling(columns, places))
        inserted.duplicates.update({(entry, device): count for device, count in tried.items() if count})
    for place in inserted.refused:
        inserted.duplicates[int(columns.entries[place]), int(columns.devices[place])] -= 1
    return inserted


def without(columns: Columns, places: Iterable[int]) -> Columns:
    """Return the columns without the rows at some places."""
    keep = np.ones(len(columns), dtype=bool)
    keep[list(places)] = False
    kept = np.flatnonzero(keep).tolist()
    values = [(spec, [column[place] for place in kept]) for spec, column in columns.values]
    arrays_kept = (
        columns.order,
        columns.devices,
        columns.micros,
        columns.seqs,
        columns.received,
        columns.entries,
    )
    order, devices, micros, seqs, received, entries = (column[keep] for column in arrays_kept)
    return Columns(columns.rows, order, devices, micros, seqs, received, entries, values)


def _insert_halves(columns: Columns, places: NDArray[np.intp], refused: dict[int, str]) -> Counter[int]:
    """Insert what can be inserted; note each place that cannot, and why. Return how many were new, by device."""
    try:
        with transaction.atomic():
            return _insert_telling(columns, places)
    except (DataError, IntegrityError) as error:
        if len(places) == 1:
            refused[int(places[0])] = str(error).strip().split("\n")[0]
            return Counter()
    middle = len(places) // 2
    new = _insert_halves(columns, places[:middle], refused)
    new.update(_insert_halves(columns, places[middle:], refused))
    return new


def _insert(columns: Columns, places: NDArray[np.intp]) -> int:
    """Insert the rows at some places in one statement; return how many were new."""
    with _executed(columns, places, SQL("")) as cursor:
        return cursor.rowcount


def _insert_telling(columns: Columns, places: NDArray[np.intp]) -> Counter[int]:
    """Insert the rows at some places in one statement; return how many were new, by device."""
    with _executed(columns, places, SQL(" RETURNING device_id")) as cursor:
        return Counter(device for (device,) in cursor.fetchall())


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
    for spec, column in columns.values:
        values = column if picked is None else [column[place] for place in picked]
        if values.count(None) < len(values):
            names.append(spec.name)
            parameters.append(arrays.encode(COLUMN_KINDS[spec.kind], values))
    return names, parameters
