"""Write rows into the typed tables: columns at a time, duplicates counted and never stored twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from typing import Any, LiteralString

import numpy as np
import psycopg
from django.db import DataError, IntegrityError, connection, transaction
from numpy.typing import NDArray
from psycopg.errors import UniqueViolation
from psycopg.sql import SQL, Identifier

from validation import arrays
from validation.binding import server_side
from validation.columns import Columns
from validation.tables import table

Key = tuple[int, int, int]  # of a row: device, event time in microseconds since 1970, sequence
KEY_COLUMNS = ("ts", "received_at", "seq", "device_id")
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
class Inserted:
    """What became of some rows: duplicates by (entry, device), and places that PostgreSQL refused, with its words."""

    duplicates: Counter[tuple[int, int]] = field(default_factory=Counter)
    again: list[int] = field(default_factory=list)  # the places of the duplicates
    refused: dict[int, str] = field(default_factory=dict)


class Manner(Enum):
    """How rows are inserted, from the cheapest on; it costs PostgreSQL half as much again to look for each key first.

    NEW       all keys are new: raises SomeStored when one is not, and the transaction can only be rolled back then
    EITHER    the same, but finds out by itself which ones were there already
    TELLING   some keys may be there already, or come twice: says which
    ISOLATED  like TELLING, and PostgreSQL may refuse some rows: says which, and halves the rows until it knows
    """

    NEW = auto()
    EITHER = auto()
    TELLING = auto()
    ISOLATED = auto()


class SomeStored(Exception):
    """Some rows are in their table already, although all were said to be new."""


def insert(columns: Columns, manner: Manner = Manner.EITHER) -> Inserted:
    """Insert rows; one statement for all of them unless PostgreSQL refuses some.

    Raises DataError or IntegrityError when it does, unless they are to be isolated; and SomeStored.
    """
    inserted = Inserted()
    places = np.arange(len(columns))
    if manner is Manner.NEW:
        _insert_new(columns, places)
        return inserted
    if manner is Manner.EITHER:
        try:
            with transaction.atomic():
                _insert_new(columns, places)
            return inserted
        except SomeStored:
            pass
    if manner is Manner.ISOLATED:
        new = _insert_halves(columns, places, inserted.refused)
    else:
        new = _insert_telling(columns, places)
    _count_duplicates(columns, new, inserted)
    return inserted


def insert_all(parts: Sequence[Columns], manner: Manner) -> list[Inserted]:
    """Insert the rows of several models. Rows that are new go to PostgreSQL one model after another without waiting."""
    if manner is not Manner.NEW or len(parts) < 2:
        return [insert(columns, manner) for columns in parts]
    connection.ensure_connection()
    with _telling_stored(), connection.wrap_database_errors, connection.connection.pipeline():
        return [insert(columns, manner) for columns in parts]


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


def _insert_new(columns: Columns, places: NDArray[np.intp]) -> None:
    """Insert the rows at some places in one statement; raise SomeStored when one of them is there already."""
    with _telling_stored(), _executed(columns, places, ""):
        pass


@contextmanager
def _telling_stored() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if isinstance(error.__cause__, UniqueViolation):
            raise SomeStored from error
        raise


def _insert_telling(columns: Columns, places: NDArray[np.intp]) -> set[Key]:
    """Insert the rows at some places in one statement; return the keys that were new."""
    ending: LiteralString = (
        " ON CONFLICT DO NOTHING RETURNING device_id, (extract(epoch FROM ts) * 1000000)::bigint, seq"
    )
    with _executed(columns, places, ending) as cursor:
        return set(cursor.fetchall())


@contextmanager
def _executed(columns: Columns, places: NDArray[np.intp], ending: LiteralString) -> Iterator[psycopg.Cursor[Any]]:
    """Insert the rows at some places on Django's connection, with the parameters bound by the server.

    Django's own cursor would write every value into the statement's text.
    """
    names, parameters = _parameters(columns, places)
    model = columns.rows.model
    statement = _statement(model.spec.name, model.version, tuple(names), ending)
    with server_side(psycopg.RawCursor) as cursor:
        # The same statement comes with each chunk; prepared, it is parsed and planned only for the first ones.
        cursor.execute(statement, parameters, prepare=True)
        yield cursor


@lru_cache(maxsize=1_000)
def _statement(model: str, version: int, names: tuple[str, ...], ending: LiteralString) -> bytes:
    """Return what inserts rows with some fields; in the order of `_parameters`."""
    columns = SQL("").join(SQL(", {}").format(Identifier(name)) for name in names)
    values = SQL(", ").join(SQL(f"${number + 1}") for number in range(len(KEY_COLUMNS) + len(names)))
    return (
        SQL("INSERT INTO {} (version, {}{}) SELECT {}, * FROM unnest({}){}")
        .format(table(model), SQL(", ").join(map(Identifier, KEY_COLUMNS)), columns, version, values, SQL(ending))
        .as_bytes(None)
    )


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
        if values.count(None) < len(values):
            names.append(name)
            parameters.append(arrays.encode(kind, values))
    return names, parameters
