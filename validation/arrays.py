"""Columns as PostgreSQL arrays in its binary format, so that a batch of rows crosses as a handful of parameters.

Format (PostgreSQL source, src/backend/utils/adt/arrayfuncs.c, array_recv): dimensions, a flag for nulls, the element
type's OID, length, lower bound; then for each element its length in bytes (-1 for NULL) and its bytes, big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer, PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format

# OIDs of the element type and of its array type (PostgreSQL, pg_type.dat), and how numpy writes an element.
BOOL, INT8, INT4, TEXT, FLOAT8, TIMESTAMPTZ = "bool", "int8", "int4", "text", "float8", "timestamptz"
POINT, JSONB = "point", "jsonb"
OIDS = {
    BOOL: (16, 1000),
    INT8: (20, 1016),
    INT4: (23, 1007),
    TEXT: (25, 1009),
    FLOAT8: (701, 1022),
    TIMESTAMPTZ: (1184, 1185),
    POINT: (600, 1017),
    JSONB: (3802, 3807),
}
DTYPES = {BOOL: "?", INT8: ">i8", INT4: ">i4", FLOAT8: ">f8", TIMESTAMPTZ: ">i8", POINT: "(2,)>f8"}
JSONB_VERSION = b"\x01"  # stands before the text of the document (PostgreSQL source, jsonb.c, jsonb_recv)
# timestamptz counts microseconds from 2000-01-01; ours count from 1970-01-01.
EPOCH_2000_US = 946_684_800_000_000


@dataclass(frozen=True, slots=True)
class Array:
    """An encoded array parameter."""

    oid: int
    data: bytes


class ArrayDumper(Dumper):
    """Hand an encoded array to PostgreSQL as it is, under its own type's OID."""

    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        """Return the bytes."""
        return obj.data

    def get_key(self, obj: Array, format: PyFormat) -> Any:
        """Keep a dumper per array type."""
        return (self.cls, obj.oid)

    def upgrade(self, obj: Array, format: PyFormat) -> Dumper:
        """Return the dumper of this array's type."""
        dumper = ArrayDumper(self.cls)
        dumper.oid = obj.oid
        return dumper


def accept_arrays(cursor: psycopg.Cursor[Any]) -> None:
    """Teach a cursor to take `Array` parameters."""
    cursor.adapters.register_dumper(Array, ArrayDumper)


def encode(kind: str, values: Sequence[Any] | NDArray[Any]) -> Array:
    """Encode values of one kind; None is NULL.

    Times are microseconds since 1970, points are pairs of latitude and longitude, and JSON is bytes. A text must not
    hold U+0000, which PostgreSQL refuses; NaN is taken for NULL.
    """
    if kind in (TEXT, JSONB):
        return _array(kind, len(values), None in values, _texts(kind, values))
    numbers, nulls = _numbers(kind, values)
    if kind == TIMESTAMPTZ:
        numbers = numbers - EPOCH_2000_US
    return _array(kind, len(numbers), nulls is not None, _fixed(DTYPES[kind], numbers, nulls))


def _numbers(kind: str, values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    if kind == POINT:
        return _points(values)
    return _floats(values) if kind == FLOAT8 else _integers(values)


def _points(values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return points as pairs of x and y, and where NULL is if anywhere: x is the longitude, as PostGIS has it."""
    pairs = np.array([(np.nan, np.nan) if value is None else (value[1], value[0]) for value in values], dtype="f8")
    nulls = np.isnan(pairs.reshape(-1, 2)[:, 0])
    return pairs.reshape(-1, 2), nulls if nulls.any() else None


def _floats(values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return numbers, and where NULL is if anywhere. numpy turns None into NaN, which JSON cannot bring."""
    numbers = np.array(values, dtype="f8")
    nulls = np.isnan(numbers)
    return numbers, nulls if nulls.any() else None


def _integers(values: Sequence[Any] | NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return whole numbers (or truth values), and where NULL is if anywhere."""
    if isinstance(values, np.ndarray) or None not in values:
        return np.asarray(values, dtype="i8"), None
    nulls = np.fromiter((value is None for value in values), dtype=bool, count=len(values))
    return np.array([0 if value is None else value for value in values], dtype="i8"), nulls


def _fixed(dtype: str, numbers: NDArray[Any], nulls: NDArray[np.bool_] | None) -> bytes:
    elements = np.empty(len(numbers), dtype=[("length", ">i4"), ("value", dtype)])
    elements["length"] = elements.dtype["value"].itemsize
    elements["value"] = numbers
    if nulls is None:
        return elements.tobytes()
    elements["length"][nulls] = -1
    # A NULL has a length and no bytes: cut its value out of the matrix of bytes.
    matrix = elements.view(np.uint8).reshape(len(elements), elements.itemsize)
    keep = np.ones(matrix.shape, dtype=bool)
    keep[:, 4:] = ~nulls[:, np.newaxis]
    return matrix[keep].tobytes()


def _texts(kind: str, values: Sequence[Any] | NDArray[Any]) -> bytes:
    parts = []
    for value in values:
        if value is None:
            parts.append(struct.pack(">i", -1))
        else:
            encoded = JSONB_VERSION + value if kind == JSONB else value.encode()
            parts.append(struct.pack(">i", len(encoded)) + encoded)
    return b"".join(parts)


def _array(kind: str, length: int, nulls: bool, elements: bytes) -> Array:
    element_oid, array_oid = OIDS[kind]
    return Array(array_oid, struct.pack(">iiiii", 1, nulls, element_oid, length, 1) + elements)
