"""The columns of an export of readings, and the SQL that gives them.

device, ts, seq, received_at, then a column a field; a point is two, `<name>.lat` and `<name>.lon`, which no field's own
name can be. What a model keeps beyond its fields comes last, as JSON, in `extra`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, LiteralString, NamedTuple

from psycopg.sql import SQL, Composable, Composed, Identifier

from validation import tables
from validation.exports.guarding import guarded_column
from validation.exports.query import RowsQuery

Holds = Literal["text", "name", "time", "integer", "number", "boolean", "json"]
LATITUDE, LONGITUDE = ".lat", ".lon"
# Of a session whose zone is UTC: PostgreSQL writes 2026-11-21 07:33:19.25+00.
ISO_8601: LiteralString = "replace(left({}::text, -3), ' ', 'T') || 'Z'"
HELD: dict[str, Holds] = {"choice": "text", "timestamp": "time", "text": "text", "boolean": "boolean"}


class Column(NamedTuple):
    """A column of the file: its heading, what its cells hold, and how to read it from the row `r`."""

    name: str
    holds: Holds
    source: Composable


def columns_of(query: RowsQuery) -> list[Column]:
    """Return the columns of an export, in their order. Pure."""
    return [
        Column("device", "name", SQL("r.device")),
        Column("ts", "time", SQL("r.ts")),
        Column("seq", "integer", SQL("r.seq")),
        Column("received_at", "time", SQL("r.received_at")),
        *_of_fields(query),
        *([Column("extra", "json", SQL("r.extra"))] if query.extra else []),
    ]


def headings(query: RowsQuery) -> bytes:
    """Return the first row of the file; no name needs quotes."""
    return (",".join(column.name for column in columns_of(query)) + "\n").encode()


def _of_fields(query: RowsQuery) -> Iterator[Column]:
    for number, field in enumerate(query.fields):
        # Not by its own name: that may be the name of a column of the devices' table.
        source = SQL("r.{}").format(Identifier(f"f{number}"))
        if field.kind == "point":  # x is the longitude
            yield Column(field.name + LATITUDE, "number", SQL("{}[1]").format(source))
            yield Column(field.name + LONGITUDE, "number", SQL("{}[0]").format(source))
        elif field.kind in ("number", "integer"):
            yield Column(field.name, "integer" if field.kind == "integer" else "number", source)
        else:
            yield Column(field.name, HELD[field.kind], source)


def only_times_have_spaces(columns: Iterable[Column]) -> bool:
    """Tell whether nothing but times can hold a space in the file, so that these can be rewritten as they pass."""
    return all(column.holds not in ("text", "json") for column in columns)


def with_iso_times(block: bytes) -> bytes:
    """Return rows in which `only_times_have_spaces` with 2026-11-21T07:33:19Z for 2026-11-21 07:33:19+00.

    PostgreSQL takes 2 µs a row to do so, which is as long as all the rest, and this a tenth of that. No number ends in
    +00: an exponent of two digits does not begin with 0.
    """
    return block.replace(b" ", b"T").replace(b"+00,", b"Z,").replace(b"+00\n", b"Z\n")


def as_text(column: Column, *, guarded: bool) -> Composable:
    """Return what gives a column's cells as CSV has them, texts guarded against being taken for formulas or not."""
    if column.holds == "time":
        return SQL(ISO_8601).format(column.source)
    if column.holds == "boolean":
        return SQL("{}::text").format(column.source)
    return guarded_column(column.source) if column.holds == "text" and guarded else column.source


def selected(query: RowsQuery, day: date, *, guarded: bool) -> tuple[Composed, list[Any]]:
    """Return the statement for a day's readings by time, device and sequence, as COPY is to write them.

    And its parameters. Times are left to `with_iso_times` where that can do it.
    """
    columns = columns_of(query)
    left = only_times_have_spaces(columns)
    cells = [
        column.source if left and column.holds == "time" else as_text(column, guarded=guarded) for column in columns
    ]
    rows, parameters = rows_of_day(query, day)
    # OFFSET 0 keeps PostgreSQL from making texts before it sorts.
    statement = SQL("SELECT {} FROM ({} ORDER BY t.ts, t.device_id, t.seq OFFSET 0) r")
    return statement.format(SQL(", ").join(cells), rows), parameters


def rows_of_day(query: RowsQuery, day: date) -> tuple[Composed, list[Any]]:
    """Return what gives the rows of a day (UTC) as `columns_of` reads them, in no order, and its parameters."""
    values = [
        SQL(", {} AS {}").format(tables.value(field.name, query.existing), Identifier(f"f{number}"))
        for number, field in enumerate(query.fields)
    ]
    mine, parameters = _bounds(query, day)
    inner = SQL("SELECT ts, received_at, seq, device_id {values}{extra} FROM {table} WHERE {mine}").format(
        values=SQL("").join(values),
        extra=SQL(", extra") if query.extra else SQL(""),
        table=tables.table(query.spec.name),
        mine=mine,
    )
    named = SQL("SELECT d.name AS device, t.* FROM ({}) t JOIN ingest_device d ON d.id = t.device_id")
    return named.format(inner), parameters


def _bounds(query: RowsQuery, day: date) -> tuple[Composable, list[Any]]:
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    wanted: list[Composable] = [SQL("ts >= %s AND ts < %s")]
    parameters: list[Any] = [begin, begin + timedelta(days=1)]
    if query.start is not None and query.start > begin:
        parameters[0] = query.start
    if query.end is not None:
        wanted.append(SQL("ts <= %s"))
        parameters.append(query.end)
    if query.devices is not None:
        wanted.append(SQL("device_id = ANY(%s)"))
        parameters.append(list(query.devices))
    return SQL(" AND ").join(wanted), parameters
