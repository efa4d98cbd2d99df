"""Times as devices write them, turned into whole microseconds since 1970 (UTC)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# ISO 8601 with a date and a time; `datetime.fromisoformat` alone also takes bare dates and week dates.
ISO_8601 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
# Beyond the year 9999 nothing can show a time. The limit also keeps the arithmetic inside 64 bits.
MAX_SECONDS = 253_402_300_799.0
MAX_MICROSECONDS = int(MAX_SECONDS) * 1_000_000


def microseconds(value: float | str) -> int | None:
    """Return a moment in microseconds since the epoch, or None when the value is not one.

    A number is seconds since the epoch. A text is ISO 8601; without a zone it is UTC.
    """
    if isinstance(value, str):
        return _from_text(value)
    if not -MAX_SECONDS <= value <= MAX_SECONDS:
        return None
    return round(value * 1_000_000)


def _from_text(value: str) -> int | None:
    if not ISO_8601.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - EPOCH) // MICROSECOND
    except (ValueError, OverflowError):
        return None


def moment(micros: int) -> datetime:
    """Return microseconds since the epoch as an aware datetime in UTC."""
    return EPOCH + timedelta(microseconds=micros)
