"""Spans of time as people write them in addresses: `5m`, ISO 8601, seconds since 1970. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from insights.durations import parse_duration as parse_duration
from validation.moments import microseconds, moment

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def parse_moment(text: str) -> datetime | None:
    """Return the moment in ISO 8601 (UTC unless it has a zone) or in seconds since 1970; None for anything else.

    In an address a plus sign stands for a space, so `…T10:00:00 02:00` is read as it was meant.
    """
    text = text.strip()
    try:
        micros = microseconds(float(text))
    except ValueError:
        micros = microseconds(text.replace(" ", "+") if "T" in text else text)
    try:
        return None if micros is None else moment(micros)
    except OverflowError:
        return None


def span(
    now: datetime, start: datetime | None, end: datetime | None, duration: timedelta | None, default: timedelta
) -> tuple[datetime, datetime]:
    """Return the span that up to two of start, end and duration describe. It ends now unless they say otherwise.

    Raises ValueError, with a sentence for people, when they contradict each other.
    """
    if start and end and duration:
        raise ValueError("Give at most two of start, end and duration.")
    if start and end and start > end:
        raise ValueError("The start is after the end.")
    if start:
        return start, end or (_later(start, duration) if duration else max(now, start))
    end = end or now
    return _later(end, -(duration or default)), end


def _later(moment: datetime, step: timedelta) -> datetime:
    try:
        return moment + step
    except OverflowError:
        return LAST if step > timedelta() else FIRST
