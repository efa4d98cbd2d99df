"""From a query for buckets to columns: what has one size as one block of bytes, counts of values as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from django.db.backends.utils import CursorWrapper
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Identifier, Literal

from validation import blocks
from validation.moments import MICROS_TO_2000
from validation.rollups.folding import Buckets, Numbers, Values
from validation.rollups.layout import NUMERIC, PARTS, VALUED, Part, column, columns_of
from validation.selectors import TooManyReadings
from validation.spec import FieldSpec

MAX_BUCKETS = 2_000_000  # of one answer: 16 MB a column


def fetch(cursor: CursorWrapper, fields: Sequence[FieldSpec], parts: Sequence[Part], query: Composable) -> Buckets:
    """Return what a query finds: device_id, bucket, readings and the columns of some fields. It need not be ordered.

    Of a number only some parts are fetched; the others are nan. Raises TooManyReadings and what the database raises.
    """
    columns = _columns(fields, parts)
    valued = [name for field in fields if field.kind in VALUED for name in columns_of(field)]
    shown = [blocks.packed(columns), *(SQL("array_agg({}::text)").format(Identifier(name)) for name in valued)]
    statement = SQL("SELECT {} FROM (SELECT * FROM ({}) q LIMIT {}) q").format(
        SQL(", ").join(shown), query, Literal(MAX_BUCKETS + 1)
    )
    data, *texts = blocks.one_row(cursor, statement)
    rows = blocks.rows_of(data, columns)
    if len(rows) > MAX_BUCKETS:
        raise TooManyReadings(f"{MAX_BUCKETS:,}")
    return _buckets(fields, rows, [list(map(_counts, column or ())) for column in texts])


def nothing(fields: Sequence[FieldSpec]) -> Buckets:
    """Return no buckets of some fields."""
    return _buckets(
        fields, blocks.rows_of(None, _columns(fields, PARTS)), [[] for field in fields if field.kind in VALUED]
    )


def _columns(fields: Sequence[FieldSpec], parts: Sequence[Part]) -> list[blocks.Part]:
    found = [
        blocks.Part("device_id", "int4"),
        blocks.Part("bucket", "timestamptz"),
        blocks.Part("readings", "int8"),
    ]
    for field in fields:
        if field.kind not in VALUED:
            found.append(blocks.Part(column(field.name, "count"), "int8", is_optional=True))
        for part in parts if field.kind in NUMERIC else ():
            if part != "count":
                found.append(blocks.Part(column(field.name, part), "float8", is_optional=True))
    return found


def _counts(text: str | None) -> dict[str, int] | None:
    return None if text is None else msgspec.json.decode(text, type=dict[str, int])


def _buckets(fields: Sequence[FieldSpec], rows: NDArray[Any], values: Sequence[Values]) -> Buckets:
    order = np.lexsort((rows["bucket"], rows["device_id"]))
    rows, there = rows[order], set(rows.dtype.names or ())
    absent = np.full(len(rows), np.nan)
    return Buckets(
        rows["device_id"].astype(np.int32),
        rows["bucket"].astype(np.int64) + MICROS_TO_2000,
        rows["readings"].astype(np.int64),
        {
            field.name: Numbers(
                *(rows[name].astype(np.float64) if name in there else absent for name in columns_of(field))
            )
            for field in fields
            if field.kind in NUMERIC
        },
        {
            field.name: [column[place] for place in order.tolist()]
            for field, column in zip([field for field in fields if field.kind in VALUED], values, strict=True)
        },
        {
            field.name: rows[name].astype(np.int64)
            for field in fields
            if field.kind not in (*NUMERIC, *VALUED)
            for name in columns_of(field)
        },
    )
