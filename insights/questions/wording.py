"""Numbers, times and lengths of time as people read them. Pure."""

from __future__ import annotations

import math
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from insights.questions.grammar.units import symbol
from insights.questions.query import Query, Span

DIGITS = 4  # significant ones; few sensors know more. What stands before the point is always whole.
DAY = timedelta(days=1)
SIZES = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def number(value: float, unit: str = "") -> str:
    """Return a value with its unit, rounded to DIGITS; whole numbers stay as they are."""
    if not math.isfinite(value):
        return "not a number"
    before = math.floor(math.log10(abs(value))) + 1 if value else 1
    text = f"{value:,.{min(max(0, DIGITS - before), 12)}f}" if abs(value) < 1e15 else f"{value:.{DIGITS}g}"
    if "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text.replace('-', '−')} {symbol(unit)}".rstrip()


def length(seconds: float) -> str:
    """Return a length of time in at most two units: 7 h 10 min."""
    whole = round(seconds)
    if whole < 1:
        return "no time" if seconds <= 0 else "less than a second"
    parts: list[str] = []
    first = next(place for place, (_, size) in enumerate(SIZES) if whole >= size)
    for name, size in SIZES[first : first + 2]:
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts)


def moment(at: datetime, zone: str, now: datetime) -> str:
    """Return a moment by the clocks of a zone; the year only where it is another one."""
    local, today = at.astimezone(ZoneInfo(zone)), now.astimezone(ZoneInfo(zone))
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    if local.date() == today.date():
        return f"today at {clock}"
    if local.date() == today.date() - DAY:
        return f"yesterday at {clock}"
    return f"on {_day(local, today)} at {clock}"


def _day(local: datetime, today: datetime) -> str:
    return f"{local:%A} {local.day} {local:%B}" + (f" {local.year}" if local.year != today.year else "")


def span(of: Span, query: Query, now: datetime) -> str:
    """Return the time of a question in words, with its zone."""
    if of.start is None or of.end is None:
        return "in all that is stored"
    if query.is_default_span:
        return "in the last 24 hours, as no time was named"
    zone = ZoneInfo(query.zone)
    start, end, today = (at.astimezone(zone) for at in (of.start, of.end, now))
    first, last = _day(start, today), _day(end - timedelta(microseconds=1), today)
    begins, ends = start.time() == time(), end.time() == time()
    if of.end == now:
        since = f"today, {first}, so far" if start.date() == today.date() else f"since {first}"
        words = since if begins else f"from {first}, {start:%H:%M} to now"
    elif begins and ends:
        words = f"on {first}" if first == last else f"from {first} to {last}"
    elif first == last:
        words = f"on {first}, {start:%H:%M} to {end:%H:%M}"
    else:
        words = f"from {first}, {start:%H:%M} to {_day(end, today)}, {end:%H:%M}"
    return f"{words} ({query.zone})"


def share(value: float) -> str:
    """Return a correlation with two decimals and a real minus."""
    return f"{value:.2f}".replace("-", "−")


def sentence(words: str) -> str:
    """Return words with a capital at the beginning."""
    return words[:1].upper() + words[1:]
