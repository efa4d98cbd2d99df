"""The chart of an answer: what its devices did in its time, out of the history that all charts are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from insights.questions.grammar.units import symbol
from insights.questions.query import Query
from insights.questions.vocabulary import Vocabulary
from validation.history import HistoryQuery, Unanswerable, answer
from validation.selectors import TooManyReadings, TooSlow

CHARTED = ("average", "minimum", "maximum", "sum", "count", "when", "duration", "trend", "compare", "correlate", "rank")
MOST_LINES = 6  # more than that nobody tells apart
POINTS = 300  # of a line


def chart_of(query: Query, vocabulary: Vocabulary, now: datetime) -> dict[str, Any] | None:
    """Return lines to draw, None where a chart does not help: for newest values, lists, and all that is stored.

    Nor is there one where it would take too much to draw. Times are seconds since 1970. Blocks for the database.
    """
    if query.kind not in CHARTED or not query.fields or query.start is None or query.end is None:
        return None
    senders = query.devices or tuple(
        device.name
        for device in vocabulary.senders(query.fields[0].split(".")[0])
        if not query.tags or set(device.tags) & set(query.tags)
    )
    if not senders or len(senders) > MOST_LINES:
        return None
    compare = query.start - query.against.start if query.against and query.against.start else None
    asked = HistoryQuery(
        fields=query.fields, devices=tuple(senders), start=query.start, end=query.end, points=POINTS, compare=compare,
        zone=query.zone,
    )  # fmt: skip
    try:
        found = answer(asked, now)
    except (Unanswerable, TooManyReadings, TooSlow):  # the answer stands also without a chart
        return None
    field = vocabulary.field(query.fields[0])
    return {
        "start": query.start.timestamp(),
        "end": query.end.timestamp(),
        "unit": symbol(field.unit),
        "limit": query.condition.value if query.condition else None,
        "series": [
            {
                "name": " ".join(part for part in (line.device, line.field.label or line.field.name,
                                                   "before" if line.shift_s else "") if part),
                "unit": symbol(line.field.unit),
                "points": [[point[0], _number(point[1])] for point in line.points],
            }
            for line in found.series
        ],
    }  # fmt: skip


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None
