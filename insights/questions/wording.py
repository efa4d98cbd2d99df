"""Numbers, times and lengths of time as people read them. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from insights.questions.grammar.units import symbol
from insights.questions.query import Query, Span

DIGITS = 4  # significant ones; few sensors know more
DAY = timedelta(days=1)


def number(value: float, unit: str = "", digits: int = DIGITS) -> str:
    """Return a value with its unit, rounded to so many significant digits; whole ones stay whole."""
    if value != value or value in (float("inf"), float("-inf")):
        return "not a number"
    if value == round(value) and abs(value) < 1e15:
        text = f"{value:,.0f}"
    else:
        exact = float(f"{value:.{digits}g}")
        text = f"{exact:,.0f}" if abs(exact) >= 10**digits else f"{exact:,.10f}".rstrip("0").rstrip(".")
        if 0 < abs(value) < 1e-6:
            text = f"{value:.{digits}g}"
    shown = symbol(unit)
    return f"{'0' if text == '-0' else text} {shown}".rstrip()


def length(seconds: float) -> str:
    """Return a length of time in at most two units: 7 h 10 min."""
    whole = round(seconds)
    if whole < 1:
        return "no time" if seconds <= 0 else "less than a second"
    parts = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


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
    start, end, today = of.start.astimezone(zone), of.end.astimezone(zone), now.astimezone(zone)
    is_midnight = start.time() == end.time() == datetime.min.time()
    if is_midnight:
        last = end - timedelta(seconds=1)
        words = f"on {_day(start, today)}" if last.date() == start.date() else (
            f"from {_day(start, today)} to {_day(last, today)}")  # fmt: skip
        return f"{words} ({query.zone})"
    until = "now" if of.end == now else f"{end:%H:%M}" if end.date() == start.date() else f"{_day(end, today)}, {end:%H:%M}"
    return f"from {_day(start, today)}, {start:%H:%M} to {until} ({query.zone})"


def share(value: float) -> str:
    """Return a correlation with two decimals and a real minus."""
    return f"{value:.2f}".replace("-", "−")
