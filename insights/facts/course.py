"""Facts of what a number did over a window: it rose or fell, or was higher or lower for a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Literal

from insights.facts.fact import Fact
from insights.facts.gathered import Gathering
from insights.facts.shape import Line, Stretch, inside, shape_of
from insights.facts.tally import bucket
from insights.facts.times import clock, hour_words, stretch_words
from validation.spec import FieldSpec

Floats = NDArray[np.float64]
DAY = timedelta(days=1)


def facts_of(found: Gathering, field: FieldSpec) -> Iterator[Fact]:
    """Give what its averages do over the window, and over several days by the hour of the day."""
    number = found.fields.index(field)
    sums = found.tally.by_bucket
    count, added = sums.count[:, number], np.nan_to_num(sums.sum[:, number])
    if found.tally.step < DAY and found.origin.window.length >= 2 * DAY:
        yield from _rhythm(found, field, count, added)
        return
    shape = shape_of(count, added, many=len(found.tally.ids) > 1)
    if isinstance(shape, Line):
        yield _slope(found, field, count, added)
    if isinstance(shape, Stretch):
        starts = found.tally.starts
        first = starts[shape.first]
        last = starts[shape.last] if shape.last < len(starts) else None
        inner = SQL(" AND ").join(
            SQL("at {} {}").format(SQL(sign), Literal(at.isoformat()))
            for sign, at in ((">=", first), ("<", last))
            if at is not None
        )
        words = stretch_words(first, last, found.zone, found.origin.window)
        yield from _levels(found, field, inside(shape, len(starts)), inner, words, (count, added))


def _rhythm(found: Gathering, field: FieldSpec, count: Floats, added: Floats) -> Iterator[Fact]:
    place = ZoneInfo(found.zone)
    hours = np.array([start.astimezone(place).hour for start in found.tally.starts])
    by_hour = [np.bincount(hours, part, 24).astype(np.float64) for part in (count, added)]
    shape = shape_of(by_hour[0], by_hour[1], circular=True, many=len(found.tally.ids) > 1)
    if not isinstance(shape, Stretch):
        return
    there = inside(shape, 24)
    hour_of_bucket = SQL("extract(hour FROM {} AT TIME ZONE {})")
    local = hour_of_bucket.format(bucket(found.tally.step), Literal(found.zone))
    inner = SQL("{} IN ({})").format(local, SQL(", ").join(Literal(int(hour)) for hour in np.flatnonzero(there)))
    words = hour_words(shape.first, shape.last)
    yield from _levels(found, field, there[hours], inner, words, (count, added))


def _levels(
    found: Gathering,
    field: FieldSpec,
    there: NDArray[np.bool_],
    inner: Composable,
    words: str,
    parts: tuple[Floats, Floats],
) -> Iterator[Fact]:
    """Give the level in a part of the window, that of the rest, and by how much they differ."""
    count, added = parts
    level = [float(added[which].sum() / count[which].sum()) for which in (there, ~there)]
    average = SQL("sum(s) FILTER (WHERE {0}) / sum(n) FILTER (WHERE {0})")
    within, outside = average.format(inner), average.format(SQL("NOT ({})").format(inner))
    for name, label, value, sql in (
        ("shift.level", f"average {words}", level[0], within),
        ("shift.rest", "average of the rest of the time", level[1], outside),
        ("shift", f"by how much it differs {words}", level[0] - level[1], SQL("{} - {}").format(within, outside)),
    ):
        yield found.fact(field, name, label, value, SQL("SELECT {} FROM part").format(sql), when=words)


def _slope(found: Gathering, field: FieldSpec, count: Floats, added: Floats) -> Fact:
    """Return by how much it rises in an hour: least squares over the buckets' averages."""
    there = count > 0
    hours = np.array([start.timestamp() / 3600 for start in found.tally.starts])[there]
    means = added[there] / count[there]
    centred = hours - hours.mean()
    value = float((centred * (means - means.mean())).sum() / (centred**2).sum())
    sql = SQL(
        "SELECT regr_slope(m, h) FROM (SELECT sum(s) / nullif(sum(n), 0) AS m, "
        "extract(epoch FROM {0})::float8 / 3600 AS h FROM part GROUP BY {0}) means"
    ).format(bucket(found.tally.step))
    return found.fact(
        field, "slope", "change in an hour", value, sql, when=clock(found.origin.window.start, found.zone)
    )
