"""Rows of one size as one block of bytes, which numpy reads as it is: no Python object, no message for each row.

PostgreSQL writes the values of a row one after the other, as they go over the wire in binary, and all rows as one
value. For 72,000 rows of six columns that costs it 30 ms of processor time; a value for each column 41, and COPY, which
is a message a row, costs the receiver five times as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import psycopg
from django.db import connection
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Composed, Identifier

Kind = Literal["int4", "int8", "float8", "timestamptz", "boolean"]
# What sends a value of each kind, how numpy reads it, and what is sent for NULL, which would have no size.
KINDS: dict[Kind, tuple[SQL, str, SQL]] = {
    "int4": (SQL("int4send"), ">i4", SQL("0")),
    "int8": (SQL("int8send"), ">i8", SQL("0")),
    "float8": (SQL("float8send"), ">f8", SQL("'NaN'")),
    "timestamptz": (SQL("timestamptz_send"), ">i8", SQL("'epoch'")),
    "boolean": (SQL("boolsend"), "?", SQL("false")),
}


@dataclass(frozen=True, slots=True)
class Part:
    """A column of a query: its name there, its kind, and whether it can be NULL."""

    name: str
    kind: Kind
    is_optional: bool = False


def block(cursor: CursorWrapper, query: Composable, parameters: Sequence[Any], parts: Sequence[Part]) -> NDArray[Any]:
    """Return what a query finds, in its order, as rows of some of its columns. Raises what the database raises."""
    statement = SQL("SELECT {} FROM ({}) q").format(packed(parts), query)
    return rows_of(one_row(cursor, statement, parameters)[0], parts)


def packed(parts: Sequence[Part]) -> Composable:
    """Return the expression that makes one value of all rows, for `rows_of`."""
    return SQL("string_agg({}, '')").format(SQL(" || ").join(_sent(part) for part in parts))


def rows_of(data: bytes | None, parts: Sequence[Part]) -> NDArray[Any]:
    """Return the rows of a block by the names of its columns; times are microseconds since 2000, None is no rows."""
    return np.frombuffer(data or b"", np.dtype([(part.name, KINDS[part.kind][1]) for part in parts]))


def one_row(cursor: CursorWrapper, statement: Composed, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
    """Return the only row of a statement, in binary, on the cursor's connection; parameters are bound by the server."""
    inner: psycopg.Cursor[Any] = cursor.cursor
    with connection.wrap_database_errors, psycopg.Cursor(inner.connection) as reader:
        row: tuple[Any, ...] = reader.execute(statement, parameters, binary=True).fetchone() or ()
    return row


def _sent(part: Part) -> Composable:
    send, _, nothing = KINDS[part.kind]
    value: Composable = Identifier(part.name)
    if part.is_optional:
        value = SQL("coalesce({}::{}, {})").format(value, SQL(part.kind), nothing)
    return SQL("{}({})").format(send, value)
