"""The SQL that gives the rows of an answer, before they are thinned, for a person to run by hand. Nothing runs it here.

A bucket begins at a multiple of its length since 1970, or by the clocks of a zone, as `validation.history.edges` says.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Identifier, Literal

from validation import tables
from validation.history.choosing import Subject
from validation.history.edges import DAY, HOUR, SECOND, is_by_clock
from validation.history.planning import Plan
from validation.history.question import ALL_DEVICES, Function, HistoryQuery
from validation.moments import moment
from validation.rollups import tables as rollups
from validation.rollups.layout import NUMERIC, VALUED, Part, column
from validation.rollups.levels import LEVELS
from validation.spec import FieldSpec

BAND: tuple[Function, ...] = ("min", "max", "count")  # what every bucket of numbers shows beside the function


def of_readings(query: HistoryQuery, subject: Subject, start: int, end: int) -> list[str]:
    """Return a statement for each field that gives the readings as they are; the times in microseconds since 1970."""
    existing = tables.columns(subject.spec.name)
    return [
        _text(
            SQL(
                "SELECT d.name AS device, r.ts, {value} AS {name}\nFROM {table} r JOIN ingest_device d "
                "ON d.id = r.device_id\nWHERE {which}r.ts BETWEEN {start} AND {end} AND {value} IS NOT NULL\n"
                "ORDER BY d.name, r.ts, r.seq;"
            ).format(
                value=tables.value(field.name, existing),
                name=Identifier(field.name),
                table=tables.table(subject.spec.name),
                which=_which(query),
                start=_time(start),
                end=_time(end),
            )
        )
        for field in subject.fields
    ]


def of_buckets(query: HistoryQuery, subject: Subject, plan: Plan, marks: NDArray[np.int64]) -> list[str]:
    """Return a statement for each field that adds readings up to buckets, or the rows of a rollup."""
    name = subject.spec.name
    rolled = set() if plan.source == "raw" else rollups.columns(name, LEVELS[LEVELS.index(plan.source)])
    if rolled:
        source = Source(rollups.table(name, plan.source), SQL("r.bucket"))
        told = "-- What came in the last minutes is not rolled up yet: the answer has it, this table does not.\n"
        chosen = [_from_rollup(field, rolled, query.function) for field in subject.fields]
    else:
        source, told, existing = Source(tables.table(name), SQL("r.ts")), "", tables.columns(name)
        chosen = [_from_readings(field, tables.value(field.name, existing), query.function) for field in subject.fields]
    return [told + _buckets(query, source, plan, marks, columns) for columns in chosen]


@dataclass(frozen=True, slots=True)
class Source:
    """A table, and its column of times."""

    table: Composable
    at: Composable


def _buckets(
    query: HistoryQuery, source: Source, plan: Plan, marks: NDArray[np.int64], columns: Sequence[Composable]
) -> str:
    by = {"device": SQL("d.name AS device, "), "tag": SQL("tag, "), "all": SQL("")}[query.by]
    return _text(
        SQL(
            "SELECT {by}{bucket} AS bucket,\n  {columns}\nFROM {table} r "
            "JOIN ingest_device d ON d.id = r.device_id{tags}\n"
            "WHERE {which}{at} >= {start} AND {at} < {end}\nGROUP BY {group} HAVING {counted} > 0 ORDER BY {group};"
        ).format(
            by=by,
            at=source.at,
            bucket=_bucket(source.at, plan, query.zone),
            columns=SQL(", ").join(columns[1:]),
            counted=columns[0],
            table=source.table,
            tags=_tags(query),
            which=_which(query),
            start=_time(int(marks[0])),
            end=_time(int(marks[-1])),
            group=SQL("1") if query.by == "all" else SQL("1, 2"),
        )
    )


def _from_readings(field: FieldSpec, value: Composable, function: Function) -> list[Composable]:
    """Return what counts, and the columns to show: the function's value, and for numbers the band and the count."""
    counted = SQL("count({})").format(value)
    if field.kind not in NUMERIC:
        return [counted, SQL("{} AS count").format(counted)]
    shown = _shown(function)
    return [counted, *(SQL("{} AS {}").format(_of_value(name, value), Identifier(name)) for name in shown)]


def _shown(function: Function) -> tuple[Function, ...]:
    return BAND if function in BAND else (function, *BAND)


def _from_rollup(field: FieldSpec, existing: Container[str], function: Function) -> list[Composable]:
    if field.kind in VALUED:
        name = SQL("r.{}").format(Identifier(column(field.name, "values")))
        values = SQL("sum((SELECT sum(value::bigint) FROM jsonb_each_text({})))").format(name)
        return [values, SQL("{} AS count").format(values)]

    def part(name: Part) -> Composable:
        known = column(field.name, name)
        return SQL("r.{}").format(Identifier(known)) if known in existing else SQL("NULL::float8")

    counted = SQL("sum({})").format(part("count"))
    if field.kind not in NUMERIC:
        return [counted, SQL("{} AS count").format(counted)]
    made: dict[Function, Composable] = {
        "avg": SQL("sum({}) / sum({})").format(part("sum"), part("count")),
        "sum": SQL("sum({})").format(part("sum")),
        "min": SQL("min({})").format(part("min")),
        "max": SQL("max({})").format(part("max")),
        "count": counted,
        "first": _end(part("first"), SQL("r.bucket")),
        "last": _end(part("last"), SQL("r.bucket DESC")),
    }
    return [counted, *(SQL("{} AS {}").format(made[name], Identifier(name)) for name in _shown(function))]


def _of_value(function: Function, value: Composable) -> Composable:
    if function not in ("first", "last"):
        return SQL("{}({})").format(SQL(function), value)
    return _end(value, SQL("r.ts, r.seq") if function == "first" else SQL("r.ts DESC, r.seq DESC"))


def _end(value: Composable, order: Composable) -> Composable:
    return SQL("(array_agg({} ORDER BY {}) FILTER (WHERE {} IS NOT NULL))[1]").format(value, order, value)


def _bucket(at: Composable, plan: Plan, zone: str) -> Composable:
    step = plan.step or SECOND
    if not is_by_clock(step, zone):
        length = Literal(f"{step / SECOND:g} seconds")
        return SQL("date_bin({}, {}, 'epoch')").format(length, at)
    length = Literal(f"{step // DAY} days" if step % DAY == 0 else f"{step // HOUR} hours")
    local = SQL("date_bin({}, {} AT TIME ZONE {}, '0001-01-01')").format(length, at, Literal(zone))
    return SQL("{} AT TIME ZONE {}").format(local, Literal(zone))


def _which(query: HistoryQuery) -> Composable:
    parts = []
    if ALL_DEVICES not in query.devices:
        parts.append(SQL("d.name IN ({}) AND ").format(SQL(", ").join(map(Literal, query.devices))))
    if query.tags:
        marked = SQL("tag IN ({}) AND ") if query.by == "tag" else SQL("d.tags::text[] && ARRAY[{}] AND ")
        parts.append(marked.format(SQL(", ").join(map(Literal, query.tags))))
    return SQL("").join(parts)


def _tags(query: HistoryQuery) -> Composable:
    return SQL(" CROSS JOIN unnest(d.tags) AS tag") if query.by == "tag" else SQL("")


def _time(micros: int) -> Composable:
    return Literal(moment(micros).isoformat())


def _text(statement: Composable) -> str:
    connection.ensure_connection()
    return statement.as_string(connection.connection)
