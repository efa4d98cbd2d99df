"""Run a typed query, read-only: its statements, in a transaction that cannot write and is stopped after ten seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from insights.questions import statements
from insights.questions.query import Query, Span
from insights.questions.results import Result, Row
from insights.questions.rolled import is_much, measured
from insights.questions.statements import MOST_ROWS, Source
from insights.questions.vocabulary import Vocabulary
from insights.questions.work import Run, read_only

FIRST = datetime(1970, 1, 1, tzinfo=UTC)
# Lengths of buckets for a correlation; the shortest that has two readings of each on average, and is not too many.
STEPS_S = (60, 300, 900, 3_600, 21_600, 86_400)
MOST_BUCKETS = 500
FEWEST_PAIRS = 5  # of a correlation, and readings of a trend; fewer say nothing
STATISTICS = ("average", "minimum", "maximum", "sum")


def run(query: Query, vocabulary: Vocabulary, now: datetime) -> Result:
    """Return what a query comes to. Blocks for the database; raises TooSlow."""
    with read_only() as cursor:
        work = Run(query, vocabulary, now, cursor)
        if query.kind == "count":
            KINDS[query.measure or "readings"](work)
        else:
            KINDS[query.kind](work)
        return work.result


def _measured(work: Run) -> None:
    """Average, minimum, maximum or sum, of all devices together."""
    kind = work.query.kind
    together, *each = measured(work, work.source)
    work.show(each, _in_all(work, each))
    work.result.number = together[kind]
    work.result.others = {"readings": together["readings"], "devices": work.result.in_all}
    work.result.others |= {name: together[name] for name in ("average", "minimum", "maximum")}
    if kind in ("minimum", "maximum") and together["readings"] and is_much(work, work.source):
        work.result.winner = next(row["device"] for row in each if row[kind] == together[kind])
    elif kind in ("minimum", "maximum") and together["readings"]:
        (found,) = work.rows(statements.extreme(work.source, highest=kind == "maximum"))
        work.result.winner, work.result.at = found["device"], found["time"]


def _in_all(work: Run, each: list[Row]) -> int:
    return len(each) if len(each) <= MOST_ROWS else len(work.senders())


def _readings(work: Run) -> None:
    if work.query.fields:
        sources = [work.source]
    else:
        query = work.query
        sources = [Source(model, None, query.devices, query.tags, query.start, query.end) for model in query.models]
    total, shown = 0, []
    for source in sources:
        together, *each = work.rows(statements.counted(source))
        total += together["readings"]
        shown += [{"model": source.model, **row} for row in each]
    work.show(shown)
    work.result.number = float(total)


def _times(work: Run) -> None:
    condition = work.query.condition
    assert condition is not None  # noqa: S101  # the grammar makes no such query without one
    (together, *_) = work.rows(statements.counted(work.source))
    found = work.rows(statements.begun(work.source, condition))
    work.show(found, found[0]["in_all"] if found else 0)
    work.result.others = {"readings": together["readings"]}
    work.result.number = float(work.result.in_all) if together["readings"] else None


def _last(work: Run) -> None:
    at = work.query.end
    source = replace(work.source, start=None, end=None)
    found = work.rows(statements.newest(source, at, work.longest_gap()))
    if at is not None:
        pauses = {device.name: work.gap_s(device) for device in work.senders()}
        found = [row for row in found if (at - row["time"]).total_seconds() <= pauses[row["device"]]]
    work.show(found, found[0]["in_all"] if found else 0)
    values = {row["device"]: row["value"] for row in work.result.rows}
    if len(values) == 1:
        ((work.result.winner, value),) = values.items()
        work.result.at = found[0]["time"]
        if isinstance(value, int | float) and not isinstance(value, bool):
            work.result.number = float(value)
        else:
            work.result.text = str(value)
    else:
        work.result.by_device = values


def _when(work: Run) -> None:
    query = work.query
    if query.measure == "seen":
        found = work.rows(statements.seen(query.devices))
    elif query.condition is not None:
        found = work.rows(statements.fulfilling(work.source, query.condition, last=query.measure == "last"))
        if not found:
            (together, *_) = work.rows(statements.counted(work.source))
            work.result.others = {"readings": together["readings"]}
    else:
        found = work.rows(statements.extreme(work.source, highest=query.measure == "maximum"))
    work.show(found)
    if found:
        work.result.winner, work.result.at = found[0]["device"], found[0]["time"]
        work.result.others = {"value": found[0].get("value")}
        work.result.number = found[0]["time"].timestamp()


def _duration(work: Run) -> None:
    condition = work.query.condition
    assert condition is not None  # noqa: S101  # as above
    start, end = work.query.start or FIRST, work.query.end or work.now
    source = replace(work.source, start=start, end=end)
    (together, *_) = work.rows(statements.counted(source))
    found = work.rows(statements.lasted(source, condition, start, end, work.longest_gap()))
    work.show(found, found[0]["in_all"] if found else 0)
    work.result.others = {"readings": together["readings"]}
    if together["readings"] or found:  # what began shortly before the span may hold in it
        work.result.number = found[0]["seconds_in_all"] if found else 0.0


def _trend(work: Run) -> None:
    source = replace(work.source, start=work.query.start or FIRST)
    found = work.rows(statements.line(source))
    work.show(found)
    if len(found) == 1 and found[0]["readings"] >= FEWEST_PAIRS:
        work.result.number = found[0]["change_per_hour"]
        work.result.winner, work.result.others = found[0]["device"], found[0]


def _compare(work: Run) -> None:
    query, measure = work.query, work.query.measure or "average"
    if measure == "last":
        _last(work)
        values = work.result.by_device
    elif query.against is not None:
        values = _of_periods(work, query.against, measure)
    else:
        _, *each = measured(work, work.source)
        work.show(each)
        values = {row["device"]: row[measure] for row in each}
    names = list(query.devices) if query.against is None else ["first", "second"]
    work.result.by_device, work.result.number = {}, None
    one, two = (values.get(name) for name in names)
    if one is not None and two is not None:
        work.result.number = one - two
        work.result.others = {"first": one, "second": two}


def _of_periods(work: Run, against: Span, measure: str) -> dict[str, float | None]:
    periods = ((work.query.start, work.query.end), (against.start, against.end))
    rows = []
    for start, end in periods:
        together, *_ = measured(work, replace(work.source, start=start, end=end))
        rows.append({"from": start, "until": end, **together})
    work.show([{name: value for name, value in row.items() if name != "device"} for row in rows])
    return {"first": rows[0][measure], "second": rows[1][measure]}


def _correlate(work: Run) -> None:
    source = replace(work.source, start=work.query.start or FIRST)
    span = ((work.query.end or work.now) - (work.query.start or FIRST)).total_seconds()
    slowest = max(work.interval_s(device) for device in work.senders())
    fitting = (step for step in STEPS_S if step >= 2 * slowest and span / step <= MOST_BUCKETS)
    step = timedelta(seconds=next(fitting, STEPS_S[-1]))
    found = work.rows(statements.pairs(source, work.query.fields[1].partition(".")[2], step))
    work.show(found, found[0]["in_all"] if found else 0)
    work.result.others = {"pairs": work.result.in_all, "step_s": step.total_seconds()}
    if work.result.in_all >= FEWEST_PAIRS:
        work.result.number = found[0]["correlation"]


def _rank(work: Run) -> None:
    query, highest = work.query, work.query.order != "lowest"
    measure = query.measure or "maximum"
    if measure == "last":
        order = statements.HIGHEST_FIRST if highest else statements.LOWEST_FIRST
        rows = work.rows(statements.newest(replace(work.source, start=None, end=None), None, timedelta(), order))
        work.show(rows[: query.limit], rows[0]["in_all"] if rows else 0)
        column = "value"
    else:
        _, *rows = measured(work, work.source, measure, highest=highest)
        work.show(rows[: query.limit], _in_all(work, rows))
        column = measure
    if rows:
        work.result.winner, work.result.number = rows[0]["device"], rows[0][column]
        work.result.at = rows[0].get("time")
        work.result.others = {"of": work.result.in_all}


KINDS: dict[str, Callable[[Run], None]] = {
    "last": _last, "readings": _readings, "times": _times, "when": _when, "duration": _duration, "trend": _trend,
    "compare": _compare, "correlate": _correlate, "rank": _rank, **dict.fromkeys(STATISTICS, _measured),
}  # fmt: skip
