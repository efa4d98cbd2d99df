"""Columns as PostgreSQL's binary arrays: what goes in comes out again, to the bit."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validation import arrays
from validation.moments import EPOCH, MAX_MICROSECONDS, MICROSECOND, MIN_MICROSECONDS
from validation.spec import MAX_INTEGER, MIN_INTEGER

pytestmark = pytest.mark.django_db


def json_bytes(value: Any) -> bytes:
    return json.dumps(value).encode()


TYPES = {
    arrays.BOOL: "boolean",
    arrays.INT8: "bigint",
    arrays.INT4: "integer",
    arrays.TEXT: "text",
    arrays.FLOAT8: "double precision",
    arrays.TIMESTAMPTZ: "timestamp with time zone",
    arrays.POINT: "point",
    arrays.JSONB: "jsonb",
}
DEGREES = st.floats(-180, 180)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    arrays.BOOL: st.booleans(),
    arrays.INT8: st.integers(MIN_INTEGER, MAX_INTEGER),
    arrays.INT4: st.integers(-(2**31), 2**31 - 1),
    arrays.TEXT: st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    arrays.FLOAT8: st.floats(allow_nan=False),
    arrays.TIMESTAMPTZ: st.integers(MIN_MICROSECONDS, MAX_MICROSECONDS),
    arrays.POINT: st.tuples(DEGREES, DEGREES),
    arrays.JSONB: st.dictionaries(st.text("aü'\\", max_size=3), st.integers() | st.none(), max_size=3).map(json_bytes),
}
EXAMPLES: dict[str, list[Any]] = {
    arrays.BOOL: [True, False],
    arrays.INT8: [0, -1, MIN_INTEGER, MAX_INTEGER, 2**53 + 1],
    arrays.INT4: [0, -(2**31), 2**31 - 1],
    arrays.TEXT: ["", "NULL", "ü", "🚐💨", "👩‍🔧", "a\nb\t\\'\"{},", "\x01\x7f", "x" * 100_000],
    arrays.FLOAT8: [0.0, -0.0, 0.1 + 0.2, 5e-324, -1.7976931348623157e308, 2.0**53 + 2],
    arrays.TIMESTAMPTZ: [
        (moment - EPOCH) // MICROSECOND
        for moment in (
            EPOCH,
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
            datetime(2000, 1, 1, tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
            datetime.max.replace(tzinfo=UTC),
        )
    ],
    arrays.POINT: [(52.5, 13.4), (-90.0, 180.0), (0.1 + 0.2, -0.0), (5e-324, -180.0)],
    arrays.JSONB: [b'{"rssi":-70}', '{"ü":{"a":[1,null,"🚐"]}}'.encode(), b'{"big":18446744073709551615}', b"{}"],
}


def through_postgres(kind: str, values: Any) -> list[tuple[str, Any]]:
    """Return each value's type and itself as PostgreSQL understood it."""
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        arrays.accept_arrays(cursor)
        cursor.execute(
            "SELECT pg_typeof(value)::text, value FROM unnest(%s) WITH ORDINALITY AS u (value, place) ORDER BY place",
            [arrays.encode(kind, values)],
            binary=True,
        )
        return [(name, _plain(value)) for name, value in cursor.fetchall()]


def _plain(value: Any) -> Any:
    """Return what is compared: times in microseconds, doubles as their bytes, because 0.0 equals -0.0.

    A point comes back as the bytes of x and y, which are longitude and latitude.
    """
    if isinstance(value, datetime):
        return (value - EPOCH) // MICROSECOND
    if isinstance(value, tuple):
        return struct.pack(">dd", value[1], value[0])
    return struct.pack(">d", value) if isinstance(value, float) else value


def expected(kind: str, values: list[Any]) -> list[tuple[str, Any]]:
    if kind == arrays.JSONB:
        return [(TYPES[kind], None if value is None else json.loads(value)) for value in values]
    return [(TYPES[kind], _plain(value)) for value in values]


@pytest.mark.parametrize("kind", TYPES)
def test_the_extremes_of_every_kind_come_back_exactly(kind: str) -> None:
    values = EXAMPLES[kind]
    assert through_postgres(kind, values) == expected(kind, values)


@pytest.mark.parametrize("kind", TYPES)
def test_none_is_null_first_last_between_and_everywhere(kind: str) -> None:
    first, second = EXAMPLES[kind][:2]
    for values in ([None, first], [first, None], [first, None, None, second], [None], [None, None], [first]):
        assert through_postgres(kind, values) == expected(kind, values)


@pytest.mark.parametrize("kind", TYPES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_values_with_and_without_none_come_back_exactly(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(VALUES[kind] | st.none(), min_size=1)) + data.draw(st.lists(VALUES[kind]))
    assert through_postgres(kind, values) == expected(kind, values)


def test_arrays_of_numpy_are_taken_as_they_are() -> None:
    for kind, dtype in ((arrays.INT8, np.int64), (arrays.INT4, np.int32), (arrays.TIMESTAMPTZ, np.int64)):
        values = np.array(EXAMPLES[kind], dtype=dtype)
        assert through_postgres(kind, values) == expected(kind, values.tolist())
    assert through_postgres(arrays.INT8, np.array([1, 2, 3, 4])[::2]) == expected(arrays.INT8, [1, 3])
