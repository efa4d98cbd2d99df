"""The levels of rollups, and how a bucket of one lies in a bucket of the next and in a partition. Pure.

Buckets are known by their first minute, as a number of minutes since 1970 (UTC), at every level.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Level = Literal["1m", "1h", "1d"]
Source = Literal["raw", "1m", "1h", "1d"]
LEVELS: tuple[Level, ...] = get_args(Level)  # from fine to coarse
SOURCES: tuple[Source, ...] = get_args(Source)
SECONDS: dict[Level, int] = {"1m": 60, "1h": 3_600, "1d": 86_400}
MINUTES: dict[Level, int] = {level: seconds // 60 for level, seconds in SECONDS.items()}
FINER: dict[Level, Level] = {"1h": "1m", "1d": "1h"}
COARSER: dict[Level, Level] = {"1m": "1h", "1h": "1d"}
DAY_MINUTES = 1_440

# A bucket of a device as one number that sorts by device, then time: the device's id in the upper half, the bucket's
# minute in the lower one, moved up so that minutes before 1970 are not negative.
SHIFT, BEFORE_1970 = 32, 2**31
LOWER = 2**32 - 1
Pairs = NDArray[np.int64]


def pairs_of(devices: NDArray[np.int32], minutes: NDArray[np.int64]) -> Pairs:
    """Return devices and first minutes of buckets as one number each."""
    return (devices.astype(np.int64) << SHIFT) + (minutes + BEFORE_1970)


def devices_of(pairs: Pairs) -> NDArray[np.int32]:
    """Return the devices of some pairs."""
    return (pairs >> SHIFT).astype(np.int32)


def minutes_of(pairs: Pairs) -> NDArray[np.int64]:
    """Return the first minutes of some pairs."""
    return (pairs & LOWER) - BEFORE_1970


def floor(minutes: NDArray[np.int64], level: Level) -> NDArray[np.int64]:
    """Return the first minute of the bucket of a level that each minute lies in."""
    return minutes - minutes % MINUTES[level]


def day_of_minute(minute: int) -> date:
    """Return the day (UTC) that a minute lies in."""
    return date(1970, 1, 1) + timedelta(days=minute // DAY_MINUTES)


def minute_of(moment: datetime) -> int:
    """Return the minute since 1970 that a moment lies in."""
    return int(moment.timestamp() // 60)


def first_minute(day: date) -> int:
    """Return the first minute of a day (UTC)."""
    return (day - date(1970, 1, 1)).days * DAY_MINUTES


def period(level: Source, day: date) -> date:
    """Return the first day of the partition that holds a day: of readings and minutes a day, of hours a month, of
    days a year.
    """
    if level == "1h":
        return day.replace(day=1)
    return day.replace(month=1, day=1) if level == "1d" else day


def period_end(level: Source, start: date) -> date:
    """Return the first day after the partition that begins on a day."""
    if level == "1h":
        return (start + timedelta(days=31)).replace(day=1)
    return start.replace(year=start.year + 1) if level == "1d" else start + timedelta(days=1)


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins (UTC)."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
