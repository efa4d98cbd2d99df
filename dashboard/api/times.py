"""Spans of time as people write them in addresses: `5m`, ISO 8601, seconds since 1970. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from validation.moments import microseconds, moment

DURATION = re.compile(r"(\d{1,10}(?:\.\d{1,6})?)([smhdw]?)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_S = 100 * 366 * 86_400.0
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta | None:
    """Return how long `90s`, `5m`, `1.5h`, `7d`, `2w` or a number of seconds is; None for anything else."""
    match = DURATION.fullmatch(text.strip())
    if not match:
        return None
    seconds = float(match[1]) * SECONDS[match[2]]
    return timedelta(seconds=seconds) if 0 < seconds <= LONGEST_S else None


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
