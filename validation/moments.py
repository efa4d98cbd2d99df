"""Times as devices write them, turned into whole microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from validation.spec import TimeUnit

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# ISO 8601 with a date and a time; `datetime.fromisoformat` alone also takes bare dates and week dates.
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
# The years 1 to 9999 (UTC), which Python can show. PostgreSQL could hold more, but nobody could read it back.
MIN_MICROSECONDS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
MAX_MICROSECONDS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
MICROS_TO_2000 = 946_684_800_000_000  # PostgreSQL counts microseconds from 2000-01-01
MIN_SECONDS, MAX_SECONDS = MIN_MICROSECONDS / 1e6, MAX_MICROSECONDS // 1_000_000


# How many of each unit make a second.
PER_SECOND: dict[TimeUnit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def microseconds(value: float | str, unit: TimeUnit = "s") -> int | None:
    """Return a moment in microseconds since the epoch, or None when the value is not one.

    A number counts units since the epoch. A text is ISO 8601; without a zone it is UTC.
    """
    if isinstance(value, str):
        return _from_text(value)
    if unit != "s":
        return _from_number(value, unit)
    return round(value * 1_000_000) if MIN_SECONDS <= value <= MAX_SECONDS else None


def _from_number(value: float, unit: TimeUnit) -> int | None:
    per_second = PER_SECOND[unit]
    if not MIN_SECONDS * per_second <= value <= MAX_SECONDS * per_second:
        return None
    return round(value / 1_000) if unit == "ns" else round(value * (1_000_000 / per_second))


def _from_text(value: str) -> int | None:
    if not ISO_8601.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:  # a month 13, a second 60
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    micros = (aware - EPOCH) // MICROSECOND
    return micros if MIN_MICROSECONDS <= micros <= MAX_MICROSECONDS else None


def moment(micros: int) -> datetime:
    """Return microseconds since the epoch as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=micros)
