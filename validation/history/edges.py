"""Where buckets begin: edges, in microseconds since 1970, and which rollup can be added up between them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from validation.history.question import Source
from validation.moments import EPOCH, MICROSECOND

SECOND = 1_000_000  # microseconds
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND
LEVELS: tuple[tuple[Source, int], ...] = (("1d", DAY), ("1h", HOUR), ("1m", MINUTE))
WORDS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))


def micros_of(moment: datetime) -> int:
    """Return a moment in microseconds since 1970."""
    return (moment - EPOCH) // MICROSECOND


def edges(start: int, end: int, step: int, zone: str) -> NDArray[np.int64]:
    """Return where the buckets begin that hold any of the time from `start` to `end`, and where the last one ends.

    All in microseconds. Buckets of whole days begin at midnight in the zone, and those of several hours that divide a
    day begin anew at each; a day in which clocks change has 23 or 25 hours. Buckets of seven days begin on Mondays.
    Every other bucket begins at a multiple of its length since 1970.
    """
    if step % DAY == 0:
        return _of_days(start, end, step // DAY, zone)
    if is_by_clock(step, zone):
        return _of_hours(start, end, step, zone)
    first, last = start // step, max(end - 1, start) // step + 1
    return np.arange(first, last + 1, dtype=np.int64) * step


def is_by_clock(step: int, zone: str) -> bool:
    """Tell whether the clocks of a zone say where buckets begin: of whole days, of several hours that divide a day."""
    return step % DAY == 0 or (zone != "UTC" and step > HOUR and step % HOUR == 0 and DAY % step == 0)


def _of_days(start: int, end: int, days: int, zone: str) -> NDArray[np.int64]:
    place = ZoneInfo(zone)
    first = _local_day(start, place)
    first -= (first - 1) % days  # the first day of the year 1 was a Monday
    marks: list[int] = []
    while not marks or marks[-1] < max(end, start + 1):
        marks.append(_midnight(first, place))
        first += days
    return np.array(marks, dtype=np.int64)


def _of_hours(start: int, end: int, step: int, zone: str) -> NDArray[np.int64]:
    place = ZoneInfo(zone)
    day = _local_day(start, place)
    marks: list[int] = []
    while not marks or marks[-1] < max(end, start + 1):
        marks += [_midnight(day, place, hours * step // HOUR) for hours in range(DAY // step)]
        day += 1
    found = np.unique(np.array(marks, dtype=np.int64))  # an hour that clocks skip has the same edge as the next one
    first = int(np.searchsorted(found, start, side="right")) - 1
    last = int(np.searchsorted(found, max(end, start + 1)))
    return found[first : last + 1]


def _local_day(micros: int, place: ZoneInfo) -> int:
    return (EPOCH + timedelta(microseconds=micros)).astimezone(place).toordinal()


def _midnight(ordinal: int, place: ZoneInfo, hour: int = 0) -> int:
    local = datetime.combine(datetime.fromordinal(ordinal), time(hour), place)
    return micros_of(local.astimezone(UTC))


def levels_of(marks: NDArray[np.int64]) -> list[Source]:
    """Return the rollups whose buckets never lie across an edge, the coarsest first."""
    return [level for level, length in LEVELS if not (marks % length).any()]


def length_in_words(micros: int) -> str:
    """Return a length of time as people write it: `90s`, `5m`, `1h`, `7d`."""
    for unit, word in WORDS:
        if micros % unit == 0:
            return f"{micros // unit}{word}"
    return f"{micros / SECOND:g}s"
