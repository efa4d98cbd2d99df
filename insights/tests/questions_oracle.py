"""What the questions of the evaluation come to in plain Python over the readings.

It shares no code with the product's way of answering, but for the formulas of the readings.
"""

from __future__ import annotations

import itertools
import operator
import statistics
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from insights.questions.evaluation.ground import SENDERS, Sender, readings

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
BUCKETS_S = (60, 300, 900, 3_600, 21_600, 86_400)
SILENCE = 3  # expected intervals without a reading are a gap
READINGS = {sender.name: [(ts.timestamp(), values) for ts, values in readings(sender)] for sender in SENDERS}
Series = list[tuple[float, float]]


def expected(query: dict[str, Any]) -> dict[str, Any]:
    """Return `number`, and `winner` or `by_device` where the answer has them; nothing where there is no number."""
    kind: str = query["kind"]
    made: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
        "last": last, "count": count, "when": when, "duration": duration, "trend": trend, "compare": compare,
        "correlate": correlate, "rank": rank,
    }  # fmt: skip
    return made.get(kind, pooled)(query)


def epoch(text: str | None, otherwise: float) -> float:
    return datetime.fromisoformat(text).timestamp() if text else otherwise


def senders(query: dict[str, Any]) -> list[Sender]:
    model = query["fields"][0].split(".")[0] if query["fields"] else None
    return [
        sender
        for sender in SENDERS
        if (not model or sender.model == model)
        and (not query["devices"] or sender.name in query["devices"])
        and (not query.get("tags") or set(sender.tags) & set(query["tags"]))
    ]


def series(query: dict[str, Any], device: str, place: int = 0) -> Series:
    start, end = epoch(query["start"], 0), epoch(query["end"], 4e9)
    field = query["fields"][place].split(".")[1] if query["fields"] else None
    return [
        (ts, values[field] if field else 1.0)
        for ts, values in READINGS[device]
        if start <= ts < end and (field is None or field in values)
    ]


def measured(values: Sequence[float], measure: str) -> float:
    made: dict[str, Callable[[Sequence[float]], float]] = {
        "average": statistics.fmean, "maximum": max, "minimum": min, "sum": sum, "last": lambda found: found[-1],
    }  # fmt: skip
    return made[measure](values)


def pooled(query: dict[str, Any]) -> dict[str, Any]:
    values = [value for sender in senders(query) for _, value in series(query, sender.name)]
    return {"number": measured(values, query["kind"])} if values else {}


def last(query: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for sender in senders(query):
        # The moment that a question names is included, and what is older than a gap says nothing about it.
        at = epoch(query["end"], 4e9)
        own = [(ts, value) for ts, value in series(query | {"end": None}, sender.name) if ts <= at]
        if own and (query["end"] is None or at - own[-1][0] <= SILENCE * sender.interval_s):
            found[sender.name] = own[-1][1]
    return {"number": next(iter(found.values()))} if len(found) == 1 else {"by_device": found}


def holds(query: dict[str, Any]) -> Callable[[float], bool]:
    condition = query["condition"]
    return lambda value: OPERATORS[condition["op"]](value, condition["value"])


def count(query: dict[str, Any]) -> dict[str, Any]:
    total = 0
    for sender in senders(query):
        values = [value for _, value in series(query, sender.name)]
        if query["measure"] == "readings":
            total += len(values)
        else:
            true = [holds(query)(value) for value in values]
            total += sum(now and not before for before, now in zip([False, *true], true, strict=False))
    return {"number": total}


def when(query: dict[str, Any]) -> dict[str, Any]:
    own = [pair for sender in senders(query) for pair in series(query, sender.name)]
    if query["measure"] == "seen":
        return {"number": own[-1][0]}
    if query["measure"] in ("maximum", "minimum"):
        extreme = measured([value for _, value in own], query["measure"])
        return {"number": min(ts for ts, value in own if value == extreme)}
    true = [ts for ts, value in own if holds(query)(value)]
    if not true:
        return {}
    return {"number": max(true) if query["measure"] == "last" else min(true)}


def duration(query: dict[str, Any]) -> dict[str, Any]:
    start, end = epoch(query["start"], 0), epoch(query["end"], 4e9)
    total = 0.0
    for sender in senders(query):
        own = series(query | {"start": None, "end": None}, sender.name)
        for (ts, value), (after, _) in itertools.pairwise(own):
            if holds(query)(value) and after - ts <= SILENCE * sender.interval_s:
                total += max(0.0, min(after, end) - max(ts, start))
    return {"number": total}


def trend(query: dict[str, Any]) -> dict[str, Any]:
    own = series(query, senders(query)[0].name)
    first = own[0][0]
    line = statistics.linear_regression([(ts - first) / 3600 for ts, _ in own], [value for _, value in own])
    return {"number": line.slope}


def compare(query: dict[str, Any]) -> dict[str, Any]:
    if "against" in query:
        periods = [query, query | query["against"]]
        one, two = (pooled(period | {"kind": query["measure"]})["number"] for period in periods)
    else:
        parts = [query | {"devices": [name], "kind": query["measure"]} for name in query["devices"]]
        one, two = ((last(part) if query["measure"] == "last" else pooled(part))["number"] for part in parts)
    return {"number": one - two}


def correlate(query: dict[str, Any]) -> dict[str, Any]:
    sender = senders(query)[0]
    span = epoch(query["end"], 0) - epoch(query["start"], 0)
    step = next(step for step in BUCKETS_S if step >= 2 * sender.interval_s and span / step <= 500)
    means: list[dict[float, float]] = []
    for place in (0, 1):
        buckets: dict[float, list[float]] = {}
        for ts, value in series(query, sender.name, place):
            buckets.setdefault(ts // step, []).append(value)
        means.append({bucket: statistics.fmean(values) for bucket, values in buckets.items()})
    both = sorted(means[0].keys() & means[1].keys())
    return {"number": statistics.correlation([means[0][at] for at in both], [means[1][at] for at in both])}


def rank(query: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for sender in senders(query):
        values = [value for _, value in series(query, sender.name)]
        if values:
            found[sender.name] = measured(values, query["measure"])
    winner = (max if query["order"] == "highest" else min)(found, key=lambda name: found[name])
    return {"number": found[winner], "winner": winner}
