"""Moments and stretches of time in words, in a time zone. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from insights.facts.fact import Window

ONE_DAY = timedelta(hours=25)  # within so long an hour of the clock says which one is meant, nearly always


def clock(at: datetime, zone: str, window: Window | None = None) -> str:
    """Return a moment as 18:00, or with its day, as 18:00 on 21 Nov, where the window is longer than a day."""
    local = at.astimezone(ZoneInfo(zone))
    if window is None or window.length <= ONE_DAY:
        return f"{local:%H:%M}"
    return f"{local:%H:%M} on {local.day} {local:%b}"


def stretch_words(first: datetime, last: datetime | None, zone: str, window: Window) -> str:
    """Return a part of a window: after 18:00 where it has no end, between 12:00 and 18:00."""
    if last is None:
        return f"after {clock(first, zone, window)}"
    return f"between {clock(first, zone, window)} and {clock(last, zone, window)}"


def hour_words(first: int, last: int) -> str:
    """Return hours of the day: between 18:00 and 06:00."""
    return f"between {first:02}:00 and {last % 24:02}:00 of the day"


def length_words(length: timedelta) -> str:
    """Return a length of time for people: 24 hours, 7 days, 90 minutes, 40 seconds."""
    seconds = length.total_seconds()
    for size, word, least in ((86_400, "day", 2), (3_600, "hour", 1), (60, "minute", 1)):
        if seconds >= least * size and round(seconds / size, 1) == round(seconds / size):
            number = round(seconds / size)
            return f"{number:,} {word}{'' if number == 1 else 's'}"
    for size, word in ((86_400 * 2, ""), (3_600, "h"), (60, "min")):
        if word and seconds >= 2 * size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} s"
