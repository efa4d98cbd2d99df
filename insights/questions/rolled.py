"""Count, average, extremes and sum of each device: of the readings, or where those are too many, out of hours.

A rollup's sums and counts are exact (`validation.rollups`), so the whole hours of a time come from there, and what lies
before the first and after the last of them from the readings.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from psycopg.sql import SQL, Identifier

from ingest.models import Device
from insights.questions import statements
from insights.questions.results import Row
from insights.questions.statements import Source, Statement
from insights.questions.work import Run
from validation import tables
from validation.retention.removing import goes_before
from validation.rollups import tables as rollups
from validation.rollups.folding import Numbers
from validation.rollups.layout import column, rolled_up
from validation.rollups.read import read

HOUR = timedelta(hours=1)
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
# Readings, going by how often the devices send: beyond, adding up hours of them is what is left to do.
ROLL_UP_FROM = 1_000_000


def measured(work: Run, source: Source, measure: str = "", *, highest: bool = True) -> list[Row]:
    """Return a row of all devices together, then one for each, by name or in the order of a measure.

    Blocks for the database; raises TooSlow.
    """
    if is_much(work, source):
        return _out_of_hours(work, source, measure, highest=highest)
    order = statements.ranked(measure, highest=highest) if measure else None
    return work.rows(statements.measures(source, order))


def is_much(work: Run, source: Source) -> bool:
    """Tell whether readings are too many to be added up, or are not kept any more, so that hours have to answer."""
    spec = work.vocabulary.models[source.model]
    if source.field not in {field.name for field in rolled_up(spec)}:
        return False
    start = source.start or _earliest(work, source)
    if start.date() < goes_before(spec, "raw", work.now):
        return True
    span = ((source.end or work.now) - start).total_seconds()
    return sum(span / work.interval_s(device) for device in work.senders()) > ROLL_UP_FROM


def _earliest(work: Run, source: Source) -> datetime:
    """Return when the first reading of any of the devices was, `now` when there is none; a look into an index each."""
    query = SQL(
        "SELECT min(r.ts) FROM ingest_device d JOIN validation_latest l ON l.device_id = d.id AND l.model_id = {}{} "
        "CROSS JOIN LATERAL (SELECT ts FROM {} WHERE device_id = d.id ORDER BY ts LIMIT 1) r"
    ).format(statements.MODEL, source.which(), tables.table(source.model))
    work.cursor.execute(query, source.parameters())
    found: datetime | None = work.cursor.fetchall()[0][0]
    return found or work.now


def _out_of_hours(work: Run, source: Source, measure: str, *, highest: bool) -> list[Row]:
    start, end = source.start or FIRST, source.end or work.now
    first, last = -(-start.timestamp() // 3_600) * 3_600, end.timestamp() // 3_600 * 3_600
    if first >= last:
        return work.rows(statements.measures(source))
    begin, until = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)
    parts = [_of_hours(work, source, begin, until)]
    for edge in (replace(source, start=start, end=begin), replace(source, start=until, end=end)):
        if edge.start != edge.end:
            parts.append({row["device"]: row for row in work.rows(statements.measures(edge)) if row["device"]})
    rows = [_together(name, [part[name] for part in parts if name in part]) for name in sorted(set().union(*parts))]
    if measure:
        there = [row for row in rows if row[measure] is not None]
        rows = sorted(there, key=lambda row: row[measure], reverse=highest)
    return [_together(None, rows), *rows]


def _of_hours(work: Run, source: Source, begin: datetime, until: datetime) -> dict[str, Row]:
    spec = work.vocabulary.models[source.model]
    field = work.vocabulary.field(f"{source.model}.{source.field}")
    names = dict(Device.objects.filter(name__in=[device.name for device in work.senders()]).values_list("id", "name"))
    found = read(spec, "1h", list(names), [field], begin, until, ("count", "sum", "min", "max"))
    work.result.sql.append(_shown(source, begin, until).shown())
    starts = np.flatnonzero(np.diff(found.devices, prepend=-1))
    ends = [*starts[1:].tolist(), len(found.devices)]
    numbers = found.numbers[field.name]
    rows = {}
    for first, end in zip(starts.tolist(), ends, strict=True):
        row = _row(numbers, slice(first, end))
        if row["readings"]:
            name = names[int(found.devices[first])]
            rows[name] = {"device": name, **row}
    return rows


def _row(numbers: Numbers, part: slice) -> Row:
    there = numbers.count[part] > 0
    count = int(numbers.count[part].sum())
    if not count:
        return {"readings": 0}
    total = float(numbers.sum[part][there].sum())
    return {
        "readings": count,
        "average": total / count,
        "minimum": float(numbers.min[part][there].min()),
        "maximum": float(numbers.max[part][there].max()),
        "sum": total,
    }


def _together(name: str | None, rows: list[Row]) -> Row:
    """Return what some rows come to together."""
    some = [row for row in rows if row["readings"]]
    count = sum(row["readings"] for row in some)
    made: dict[str, Any] = {"device": name, "readings": count}
    if not some:
        return made | dict.fromkeys(("average", "minimum", "maximum", "sum"))
    total = sum(row["sum"] for row in some)
    smallest, largest = min(row["minimum"] for row in some), max(row["maximum"] for row in some)
    return made | {"average": total / count, "minimum": smallest, "maximum": largest, "sum": total}


def _shown(source: Source, begin: datetime, until: datetime) -> Statement:
    """Return a statement that gives the same out of the table of the rollup; nothing runs it here."""
    part = {
        name: SQL("r.{}").format(Identifier(column(source.field or "", name)))
        for name in ("count", "sum", "min", "max")
    }
    query = SQL(
        "SELECT d.name AS device, sum({count}) AS readings, sum({sum}) / sum({count}) AS average,\n"
        "  min({min}) AS minimum, max({max}) AS maximum, sum({sum}) AS sum\n"
        "FROM {table} r JOIN ingest_device d ON d.id = r.device_id{which}\n"
        "WHERE r.bucket >= %(begin)s AND r.bucket < %(until)s GROUP BY d.name ORDER BY d.name"
    ).format(**part, table=rollups.table(source.model, "1h"), which=source.which())
    return Statement(query, source.parameters(begin=begin, until=until))
