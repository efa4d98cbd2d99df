"""The SQL of each query: parametrised, bounded in rows, and shown to people as it would be typed.

Names of models and fields reach SQL only as quoted identifiers, everything else as parameters. All statements name the
columns that stand in the table of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from psycopg import ClientCursor
from psycopg.sql import SQL, Composable, Composed

from insights.questions.query import Condition
from validation import tables
from validation.presence import ONLINE_AT_LEAST_S, ONLINE_INTERVALS

MOST_ROWS = 100  # of the table of an answer
SIGNS = {">": SQL(">"), ">=": SQL(">="), "<": SQL("<"), "<=": SQL("<=")}
BY_NAME = SQL("d.name")
HIGHEST_FIRST, LOWEST_FIRST = SQL("r.value DESC, d.name"), SQL("r.value, d.name")
MODEL = SQL("(SELECT id FROM validation_datamodel WHERE name = %(model)s)")


@dataclass(frozen=True)
class Statement:
    """A query of SQL with its parameters."""

    query: Composed
    parameters: dict[str, Any]

    def shown(self) -> str:
        """Return the statement with its parameters in place, for a person to run. Needs the database's connection."""
        connection.ensure_connection()
        return ClientCursor(connection.connection).mogrify(self.query, self.parameters) + ";"


@dataclass(frozen=True)
class Source:
    """Readings of a field, or with `field` None of a whole model, of some devices, from `start` to before `end`.

    Without `devices` all are meant, or those with one of `tags`.
    """

    model: str
    field: str | None
    devices: Sequence[str]
    tags: Sequence[str]
    start: datetime | None
    end: datetime | None

    def of(self, field: str) -> Source:
        """Return the same of another field."""
        return Source(self.model, field, self.devices, self.tags, self.start, self.end)

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Return what the statements about it have as parameters."""
        named = {"devices": list(self.devices), "tags": list(self.tags), "start": self.start, "end": self.end}
        used = {name: value for name, value in named.items() if value}
        return {"model": self.model, "most": MOST_ROWS + 1, **used, **more}

    def readings(self, *, after: str = "start", before: str = "end") -> Composed:
        """Return a FROM clause that gives device, device_id, ts, seq and value of each reading that has a value."""
        value = SQL("1") if self.field is None else tables.value(self.field, tables.columns(self.model))
        parts = [SQL("{} IS NOT NULL").format(value)]
        if self.start is not None:
            parts.append(SQL("ts >= %({})s").format(SQL(after)))
        if self.end is not None:
            parts.append(SQL("ts < %({})s").format(SQL(before)))
        inner = SQL("SELECT device_id, ts, seq, {} AS value FROM {} WHERE {}").format(
            value, tables.table(self.model), SQL(" AND ").join(parts)
        )
        return SQL("({}) r JOIN ingest_device d ON d.id = r.device_id{}").format(inner, self.which())

    def which(self) -> Composable:
        """Return the condition on devices, as it stands behind a join."""
        if self.devices:
            return SQL(" AND d.name = ANY(%(devices)s)")
        return SQL(" AND d.tags::text[] && %(tags)s::text[]") if self.tags else SQL("")


def measures(source: Source, order: Composable | None = None) -> Statement:
    """Return a row for each device with count, average, minimum, maximum and sum; the first one, without a device, is
    of all together."""
    figures = SQL(
        "count(value) AS readings, avg(value::float8) AS average, min(value) AS minimum, max(value) AS maximum, "
        "sum(value::float8) AS sum"
    )
    query = SQL(
        "SELECT d.name AS device, {}\nFROM {}\nGROUP BY GROUPING SETS ((), (d.name))\n"
        "ORDER BY d.name IS NOT NULL, {}d.name\nLIMIT %(most)s + 1"
    ).format(figures, source.readings(), order + SQL(", ") if order else SQL(""))
    return Statement(query, source.parameters())


def ranked(measure: str, *, highest: bool) -> Composable:
    """Return the order of a ranking."""
    column = {"average": SQL("avg(value::float8)"), "minimum": SQL("min(value)"), "maximum": SQL("max(value)")}[measure]
    return column + (SQL(" DESC NULLS LAST") if highest else SQL(" ASC NULLS LAST"))


def counted(source: Source) -> Statement:
    """Return a row for each device with how many readings it sent, the first one of all together."""
    query = SQL(
        "SELECT d.name AS device, count(*) AS readings\nFROM {}\nGROUP BY GROUPING SETS ((), (d.name))\n"
        "ORDER BY d.name IS NOT NULL, d.name\nLIMIT %(most)s + 1"
    ).format(source.readings())
    return Statement(query, source.parameters())


def newest(source: Source, at: datetime | None, pause: timedelta, order: Composable = BY_NAME) -> Statement:
    """Return the newest reading of each device; or the one that held at a moment, unless it is older than a pause."""
    held = SQL(" AND ts <= %(at)s AND ts >= %(at)s - %(pause)s") if at is not None else SQL("")
    value = tables.value(source.field or "", tables.columns(source.model))
    query = SQL(
        "SELECT d.name AS device, r.ts AS time, r.value, count(*) OVER () AS in_all\nFROM ingest_device d "
        "JOIN validation_latest l ON l.device_id = d.id AND l.model_id = {model}{which}\nCROSS JOIN LATERAL ("
        "SELECT ts, {value} AS value FROM {table} WHERE device_id = d.id AND {value} IS NOT NULL{held} "
        "ORDER BY ts DESC, seq DESC LIMIT 1) r\nORDER BY {order}\nLIMIT %(most)s"
    ).format(order=order, model=MODEL, which=source.which(), value=value, table=tables.table(source.model), held=held)
    return Statement(query, source.parameters(**({"at": at, "pause": pause} if at is not None else {})))


def extreme(source: Source, *, highest: bool) -> Statement:
    """Return the reading with the largest or the smallest value, the earliest where there are several."""
    query = SQL(
        "SELECT d.name AS device, r.ts AS time, r.value\nFROM {}\nORDER BY r.value {}, r.ts, d.name\nLIMIT 1"
    ).format(source.readings(), SQL("DESC") if highest else SQL("ASC"))
    return Statement(query, source.parameters())


def fulfilling(source: Source, condition: Condition, *, last: bool) -> Statement:
    """Return the last or the first reading of which a condition holds."""
    order = SQL("DESC") if last else SQL("ASC")
    query = SQL(
        "SELECT d.name AS device, r.ts AS time, r.value\nFROM {}\nWHERE r.value {} %(limit)s\n"
        "ORDER BY r.ts {}, d.name\nLIMIT 1"
    ).format(source.readings(), SIGNS[condition.op], order)
    return Statement(query, source.parameters(limit=condition.value))


def begun(source: Source, condition: Condition) -> Statement:
    """Return the readings with which a condition began to hold: the one before it in the span did not fulfil it."""
    query = SQL(
        "WITH marked AS (SELECT d.name AS device, r.ts, r.seq, r.value, r.value {sign} %(limit)s AS holds,\n"
        "  lag(r.value {sign} %(limit)s) OVER (PARTITION BY r.device_id ORDER BY r.ts, r.seq) AS held\n"
        "  FROM {readings})\nSELECT device, ts AS time, value, count(*) OVER () AS in_all\n"
        "FROM marked WHERE holds AND held IS NOT TRUE\nORDER BY ts, device\nLIMIT %(most)s"
    ).format(sign=SIGNS[condition.op], readings=source.readings())
    return Statement(query, source.parameters(limit=condition.value))


def lasted(source: Source, condition: Condition, start: datetime, end: datetime, longest: timedelta) -> Statement:
    """Return the times in which a condition held, with their seconds; each reading holds until the next one.

    Where the next one came after a gap, longer than three expected intervals and than five seconds, it holds for no
    time. `longest` is the longest gap of any of the devices: so far the readings before and after the span are read.
    """
    query = SQL(
        "WITH held AS (SELECT d.id, d.name AS device, r.ts, r.value,\n"
        "  lead(r.ts) OVER (PARTITION BY r.device_id ORDER BY r.ts, r.seq) AS next\n  FROM {readings}),\n"
        "parts AS (SELECT h.device, greatest(h.ts, %(start)s) AS begun, least(h.next, %(end)s) AS ended\n"
        "  FROM held h JOIN ingest_device d ON d.id = h.id\n"
        "  JOIN validation_latest l ON l.device_id = h.id AND l.model_id = {model}\n"
        "  WHERE h.value {sign} %(limit)s AND h.next > %(start)s AND h.ts < %(end)s AND h.next - h.ts <= greatest(\n"
        "    coalesce(nullif(d.expected_interval_s, 0), nullif(l.interval_s, 0), 10) * %(intervals)s, %(at_least)s)\n"
        "    * interval '1 second'),\n"
        "runs AS (SELECT *, sum(is_new) OVER (PARTITION BY device ORDER BY begun) AS run FROM (SELECT *,\n"
        "  CASE WHEN begun = lag(ended) OVER (PARTITION BY device ORDER BY begun) THEN 0 ELSE 1 END AS is_new\n"
        "  FROM parts) p)\n"
        'SELECT device, min(begun) AS "from", max(ended) AS until,\n'
        "  extract(epoch FROM sum(ended - begun))::float8 AS seconds, count(*) OVER () AS in_all,\n"
        "  extract(epoch FROM sum(sum(ended - begun)) OVER ())::float8 AS seconds_in_all\n"
        "FROM runs GROUP BY device, run ORDER BY 2, 1\nLIMIT %(most)s"
    ).format(readings=source.readings(after="before", before="after"), model=MODEL, sign=SIGNS[condition.op])
    gap = {"intervals": ONLINE_INTERVALS, "at_least": ONLINE_AT_LEAST_S}
    around = {"before": start - longest, "after": end + longest}
    return Statement(query, source.parameters(limit=condition.value, **gap, **around))


def line(source: Source) -> Statement:
    """Return the straight line through the readings of each device by least squares: its slope in an hour, how many
    readings there are, and the share of the variance that it explains."""
    query = SQL(
        "SELECT device, count(*) AS readings, regr_slope(value, hours) AS change_per_hour,\n"
        '  regr_r2(value, hours) AS explained, min(ts) AS "from", max(ts) AS until\n'
        "FROM (SELECT d.name AS device, r.ts, r.value::float8,\n"
        "  extract(epoch FROM r.ts - %(start)s)::float8 / 3600 AS hours\n  FROM {}) x\n"
        "GROUP BY device ORDER BY device\nLIMIT %(most)s"
    ).format(source.readings())
    return Statement(query, source.parameters())


def pairs(source: Source, other: str, step: timedelta) -> Statement:
    """Return the averages of two fields in the buckets in which both have readings, and Pearson's correlation."""
    query = SQL(
        "WITH one AS (SELECT date_bin(%(step)s, r.ts, 'epoch') AS time, avg(r.value::float8) AS value\n"
        "  FROM {one} GROUP BY 1),\n"
        "two AS (SELECT date_bin(%(step)s, r.ts, 'epoch') AS time, avg(r.value::float8) AS value\n"
        "  FROM {two} GROUP BY 1)\n"
        "SELECT one.time, one.value AS first, two.value AS second, count(*) OVER () AS in_all,\n"
        "  corr(one.value, two.value) OVER () AS correlation\nFROM one JOIN two ON two.time = one.time ORDER BY 1\n"
        "LIMIT %(most)s"
    ).format(one=source.readings(), two=source.of(other).readings())
    return Statement(query, source.parameters(step=step))


def seen(devices: Sequence[str]) -> Statement:
    """Return when something of each device last arrived."""
    query = SQL(
        "SELECT d.name AS device, max(l.last_seen_at) AS time\nFROM ingest_device d "
        "JOIN validation_latest l ON l.device_id = d.id\n"
        "WHERE d.name = ANY(%(devices)s) GROUP BY d.name ORDER BY d.name"
    )
    return Statement(Composed([query]), {"devices": list(devices)})
