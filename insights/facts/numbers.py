"""Facts of the numeric fields of a model: level, range, usual range, shape, and the period before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable, Identifier, Literal

from insights.facts import course
from insights.facts.fact import Fact
from insights.facts.gathered import Gathering, with_part
from insights.facts.roles import is_counter
from insights.facts.source import Origin
from insights.facts.tally import Sums, bucket, tally, total
from validation import tables
from validation.rollups.tables import table
from validation.spec import FieldSpec

USUAL = (0.05, 0.95)  # what nine of ten values lie between
CANDIDATES = 20  # devices that may have measured an extreme first; of more it is the first by number
OF_WHAT = {"raw": "readings", "1m": "averages of a minute", "1h": "averages of an hour"}


def gather(cursor: CursorWrapper, origin: Origin, earlier: Origin, fields: Sequence[FieldSpec], zone: str) -> Gathering:
    """Add up what facts are made from: three statements for all fields and devices. Raises what the database raises."""
    return Gathering(
        cursor,
        origin,
        earlier,
        fields,
        zone,
        tally(cursor, origin, fields),
        total(cursor, earlier, fields) if earlier.pieces else _nothing(len(fields)),
        _usual(cursor, origin, fields),
    )


def _nothing(fields: int) -> Sums:
    absent = np.full((1, fields), np.nan)
    return Sums(np.zeros(1, dtype=np.int64), np.zeros((1, fields)), absent, absent, absent)


def facts_of(found: Gathering, field: FieldSpec) -> Iterator[Fact]:
    """Give the facts of one field, none when no reading has it."""
    number = found.fields.index(field)
    count = float(found.tally.whole.count[0, number])
    if not count:
        return
    mean = float(found.tally.whole.sum[0, number]) / count
    if is_counter(field):
        yield _rise(found, field)
    yield found.fact(field, "count", "readings that have it", count, SQL("SELECT sum(n) FROM part"))
    yield found.fact(field, "mean", "average", mean, SQL("SELECT sum(s) / sum(n) FROM part"))
    yield _extreme(found, field, "min")
    yield _extreme(found, field, "max")
    yield from _usual_range(found, field)
    yield from course.facts_of(found, field)
    yield from _before(found, field, mean)


def _usual(cursor: CursorWrapper, origin: Origin, fields: Sequence[FieldSpec]) -> dict[str, tuple[float, float] | None]:
    """Return what nine of ten readings, or averages of a minute or an hour, lie between, by field."""
    if not fields:
        return {}
    means = [
        SQL("sum({s}) / nullif(sum({n}), 0) AS {m}").format(
            s=Identifier(f"s{number or ''}"), n=Identifier(f"n{number or ''}"), m=Identifier(f"m{number}")
        )
        for number in range(len(fields))
    ]
    shown = [_percentiles(Identifier(f"m{number}")) for number in range(len(fields))]
    inner = SQL("SELECT {} FROM ({}) part{}").format(
        SQL(", ").join(means if origin.coarsest != "raw" else _plain(len(fields))),
        origin.numbers(fields),
        _by_unit(origin),
    )
    cursor.execute(SQL("SELECT {} FROM ({}) means").format(SQL(", ").join(shown), inner))
    row = cursor.fetchone()
    return {
        field.name: None if row[place] is None else (row[place][0], row[place][1]) for place, field in enumerate(fields)
    }


def _plain(fields: int) -> list[Composable]:
    names = [(Identifier(f"s{number or ''}"), Identifier(f"m{number}")) for number in range(fields)]
    return [SQL("{} AS {}").format(value, name) for value, name in names]


def _percentiles(value: Composable) -> Composable:
    low, high = map(Literal, USUAL)
    return SQL("percentile_cont(ARRAY[{}, {}]::float8[]) WITHIN GROUP (ORDER BY {})").format(low, high, value)


def _by_unit(origin: Origin) -> Composable:
    """Return how rows are brought to one size, where some are readings and others minutes or hours."""
    if origin.coarsest == "raw":
        return SQL("")
    size = timedelta(minutes=1) if origin.coarsest == "1m" else timedelta(hours=1)
    return SQL(" GROUP BY device_id, {}").format(bucket(size))


def _usual_range(found: Gathering, field: FieldSpec) -> Iterator[Fact]:
    usual = found.usual[field.name]
    if usual is None:
        return
    of = OF_WHAT[found.origin.coarsest]
    value = SQL("s") if found.origin.coarsest == "raw" else SQL("sum(s) / nullif(sum(n), 0)")
    for name, share, number, words in zip(("low", "high"), USUAL, usual, ("below", "above"), strict=True):
        sql = SQL(
            "SELECT percentile_cont({}::float8) WITHIN GROUP (ORDER BY m) FROM (SELECT {} AS m FROM part{}) means"
        ).format(Literal(share), value, _by_unit(found.origin))
        yield found.fact(field, f"usual.{name}", f"one in twenty {of} is {words}", number, sql)


def _extreme(found: Gathering, field: FieldSpec, name: str) -> Fact:
    """Return the smallest or largest value, when it was measured first, and by which device."""
    number = found.fields.index(field)
    sums = found.tally
    value = float((sums.whole.low if name == "min" else sums.whole.high)[0, number])
    by_bucket = (sums.by_bucket.low if name == "min" else sums.by_bucket.high)[:, number]
    by_device = (sums.by_device.low if name == "min" else sums.by_device.high)[:, number]
    place = int(np.flatnonzero(by_bucket == value)[0])
    ids = [sums.ids[index] for index in np.flatnonzero(by_device == value)[:CANDIDATES]]
    device, at = _first(found, field, value, ids, sums.starts[place])
    column, order = (SQL("lo"), SQL("lo")) if name == "min" else (SQL("hi"), SQL("hi DESC"))
    sql = SQL(
        "SELECT {}, at, d.name FROM part JOIN ingest_device d ON d.id = device_id WHERE n > 0\nORDER BY {}, at LIMIT 1"
    ).format(column, order)
    label = "smallest" if name == "min" else "largest"
    return replace(found.fact(field, name, label, value, sql), device=device, at=at)


def _first(
    found: Gathering, field: FieldSpec, value: float, ids: list[int], start: datetime
) -> tuple[str | None, datetime | None]:
    """Return which device measured a value first, and when: the reading's time, or its minute's where it is gone."""
    name, end = found.origin.subject.spec.name, start + found.tally.step
    reading = tables.value(field.name, found.origin.columns["raw"])
    for at, source, sought in (
        (SQL("r.ts"), table(name, "raw"), SQL("{} = {}").format(reading, Literal(value))),
        (SQL("part.at"), None, SQL("{} IN (part.lo, part.hi)").format(Literal(value))),
    ):
        rows: Composable = SQL("{} r").format(source) if source else _rows(found, field)
        statement = SQL(
            "SELECT d.name, {at} FROM {rows} JOIN ingest_device d ON d.id = device_id WHERE device_id = ANY({ids}) "
            "AND {at} >= {start} AND {at} < {end} AND {sought} ORDER BY {at}, d.name LIMIT 1"
        ).format(
            at=at, rows=rows, ids=Literal(ids), sought=sought,
            start=Literal(max(start, found.origin.window.start)), end=Literal(min(end, found.origin.window.end)),
        )  # fmt: skip
        found.cursor.execute(statement)
        row = found.cursor.fetchone()
        if row is not None:
            return row[0], row[1]
    return None, None


def _rows(found: Gathering, field: FieldSpec) -> Composable:
    return SQL("({}) part").format(found.origin.numbers([field]))


def _rise(found: Gathering, field: FieldSpec) -> Fact:
    """Return by how much what only counts up rose, of all devices together."""
    number = found.fields.index(field)
    sums = found.tally.by_device
    rise = float(np.nansum(sums.high[:, number] - sums.low[:, number]))
    sql = SQL("SELECT sum(h - l) FROM (SELECT max(hi) AS h, min(lo) AS l FROM part GROUP BY device_id) devices")
    return found.fact(field, "rise", "by how much it rose, of all devices together", rise, sql)


def _before(found: Gathering, field: FieldSpec, mean: float) -> Iterator[Fact]:
    """Give the average of the period before, and by how much it changed."""
    number = found.fields.index(field)
    count = float(found.before.count[0, number])
    if not count:
        return
    before = float(found.before.sum[0, number]) / count
    sql = SQL("SELECT sum(s) / sum(n) FROM part")
    yield Fact(
        name=f"{field.name}.before",
        label=f"{field.label or field.name}: average of the period before",
        value=before,
        unit=field.unit,
        model=found.origin.subject.spec.name,
        window=found.earlier.window,
        readings=int(count),
        sql=with_part(found.earlier, field, sql),
        field=field.name,
    )
    change = SQL("SELECT sum(s) / sum(n) - (SELECT sum(s) / sum(n) FROM (\n  {}\n) earlier) FROM part").format(
        found.earlier.numbers([field])
    )
    yield found.fact(field, "change", "change against the period before", mean - before, change)
