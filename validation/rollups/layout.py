"""Which columns a model's rollups have. Pure.

A number or integer has six: `speed.count`, `.sum`, `.min`, `.max`, `.first`, `.last`; a boolean, choice or text has
`door.values`, how often each value came; a time or a point has `seen.count`. No field has a dot in its name.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Literal, LiteralString

from validation.spec import FieldSpec, ModelSpec

Part = Literal["count", "sum", "min", "max", "first", "last"]
PARTS: tuple[Part, ...] = ("count", "sum", "min", "max", "first", "last")
NUMERIC = ("number", "integer")
VALUED = ("boolean", "choice", "text")
LONGEST_NAME = 63  # bytes of a column's name in PostgreSQL
# A row of PostgreSQL has to fit into a page of 8 KB, and none of its numbers can be moved out of it.
ROW_BYTES = 7_500
BYTES = {"number": 48, "integer": 48, "boolean": 20, "choice": 20, "text": 20, "timestamp": 8, "point": 8}
# Columns of one table, of which those of old fields stay; PostgreSQL has room for 1,600.
MAX_COLUMNS = 1_500


def column(field: str, part: str) -> str:
    """Return the name of a column; of a name that is too long the end gives way to a sum of it."""
    name = f"{field}.{part}"
    if len(name) <= LONGEST_NAME:
        return name
    ending = f"~{zlib.crc32(field.encode()):08x}.{part}"
    return field[: LONGEST_NAME - len(ending)] + ending


def parts_of(field: FieldSpec) -> dict[str, LiteralString]:
    """Return the parts of a field and the types of their columns."""
    if field.kind in NUMERIC:
        return {part: "bigint" if part == "count" else "double precision" for part in PARTS}
    return {"values": "jsonb"} if field.kind in VALUED else {"count": "bigint"}


def rolled_up(spec: ModelSpec) -> tuple[FieldSpec, ...]:
    """Return the fields that have rollups: the first ones, as many as a row has room for (156 numbers)."""
    return tuple(_fitting(spec))


def _fitting(spec: ModelSpec) -> Iterator[FieldSpec]:
    room = ROW_BYTES
    for field in spec.fields:
        room -= BYTES[field.kind]
        if room < 0:
            return
        yield field


def columns_of(field: FieldSpec) -> dict[str, LiteralString]:
    """Return the names of a field's columns and their types."""
    return {column(field.name, part): kind for part, kind in parts_of(field).items()}
