"""Times as devices write them, turned into whole microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# ISO 8601 with a date and a time; `datetime.fromisoformat` alone also takes bare dates and week dates.
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
# The years 1 to 9999 (UTC), which Python can show. PostgreSQL could hold more, but nobody could read it back.
MIN_MICROSECONDS = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
MAX_MICROSECONDS = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
MIN_SECONDS, MAX_SECONDS = MIN_MICROSECONDS / 1e6, MAX_MICROSECONDS // 1_000_000


def microseconds(value: float | str) -> int | None:
    """Return a moment in microseconds since the epoch, or None when the value is not one.

    A number is seconds since the epoch. A text is ISO 8601; without a zone it is UTC.
    """
    if isinstance(value, str):
        return _from_text(value)
    return round(value * 1_000_000) if MIN_SECONDS <= value <= MAX_SECONDS else None


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
