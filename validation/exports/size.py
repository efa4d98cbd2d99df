"""Say before an export how large it will be, without making it."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any, Literal, NamedTuple

import psycopg
from psycopg.errors import QueryCanceled
from psycopg.sql import SQL, Composed

from validation.exports.columns import headings, rows_of_day, selected
from validation.exports.parquet import to_parquet
from validation.exports.query import RowsQuery
from validation.exports.stream import connect

Format = Literal["csv", "parquet"]
COUNTED = 1_000_000  # rows up to which it is worth counting; more are estimated
COUNTED_DAYS = 100  # and days: each is a statement
COUNT_MS = 2_000  # what counting may take before an estimate has to do
SAMPLE, SAMPLED_DAYS = 10_000, 10  # rows, and days that have any, that are looked at to know the size of one


class Size(NamedTuple):
    """Rows and bytes of an export. Bytes are always an estimate unless there is nothing; rows when `estimated`."""

    rows: int
    bytes: int
    estimated: bool


def size(query: RowsQuery, form: Format = "csv") -> Size:
    """Return the size of an export. Blocks for a second or two; raises psycopg.Error."""
    with closing(connect()) as connection:
        rows, estimated = _estimate(connection, query), True
        if rows <= COUNTED and len(query.days) <= COUNTED_DAYS:
            counted = _count(connection, query)
            rows, estimated = (rows, True) if counted is None else (counted, False)
        return Size(rows, _bytes(connection, query, form, rows) if rows else 0, estimated)


def _estimate(connection: psycopg.Connection[Any], query: RowsQuery) -> int:
    """Return what PostgreSQL's planner expects, from its statistics."""
    total = 0
    for day in query.days:
        statement, parameters = rows_of_day(query, day)
        found = connection.execute(SQL("EXPLAIN (FORMAT JSON) {}").format(statement), parameters).fetchone()
        if found is not None:
            plan = found[0] if isinstance(found[0], list) else json.loads(found[0])
            total += int(plan[0]["Plan"]["Plan Rows"])
    return total


def _count(connection: psycopg.Connection[Any], query: RowsQuery) -> int | None:
    """Count the rows; None when that takes too long."""
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(COUNT_MS)])
            return sum(_count_day(connection, *rows_of_day(query, day)) for day in query.days)
    except QueryCanceled:
        return None


def _count_day(connection: psycopg.Connection[Any], statement: Composed, parameters: list[Any]) -> int:
    found = connection.execute(SQL("SELECT count(*) FROM ({}) r").format(statement), parameters).fetchone()
    return int(found[0]) if found else 0


def _bytes(connection: psycopg.Connection[Any], query: RowsQuery, form: Format, rows: int) -> int:
    """Return how long a file of some rows is, by what the newest of them are on average."""
    sample: list[Any] = []
    days = 0
    for day in reversed(query.days):
        statement, parameters = selected(query, day, guarded=form == "csv")
        copying = SQL("COPY ({} LIMIT {}) TO STDOUT (FORMAT CSV)").format(statement, SAMPLE - len(sample))
        with connection.cursor() as cursor, cursor.copy(copying, parameters) as copy:
            sample += [bytes(row) for row in copy]
        days += bool(sample)
        if len(sample) == SAMPLE or days == SAMPLED_DAYS:
            break
    text = b"".join(sample)
    if form == "csv" or not sample:
        return len(headings(query)) + round(rows * len(text) / max(len(sample), 1))
    whole, empty = (sum(map(len, to_parquet(query, [b"", part]))) for part in (text, b""))
    return empty + round(rows * (whole - empty) / len(sample))
