"""A finding in one sentence that a person understands."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from math import floor, isfinite, log10

from insights.detection.verdict import Kind, Verdict

MOST_DIGITS = 6  # after the point; more than that no sensor has
LEAST_EXPONENTIAL = 1e12  # numbers from here on are written with an exponent
SENTENCES = {
    Kind.SPIKE: "{label} {value} at {time}, usually {band}{hour}",
    Kind.LEVEL_SHIFT: "{label} has moved to about {value} by {time}, usually {band}{hour}",
    Kind.SPREAD: "{label} fluctuates unlike before at {time} ({value}, usually {band})",
    Kind.STUCK: "{label} has been stuck at {value} until {time}, usually it changes within {band}",
    Kind.RHYTHM: "{label} {value} at {time}, usually {band}{hour}",
    Kind.MISSING: "{label}: nothing until {time}, due at {due} at the latest; the last value was {value}",
    Kind.UNLIKE_PEERS: "{label} {value} at {time}, while the other devices have {band}",
}


def sentence(verdict: Verdict, label: str, unit: str = "", zone: tzinfo = UTC) -> str:
    """Word a finding. `unit` as it is to be shown, `zone` that of the time of day."""
    digits = decimals(verdict.high - verdict.low)
    shown = f"{number(verdict.value, digits)} {unit}".rstrip()
    if verdict.kind is Kind.MISSING:
        shown = f"{verdict.value:.6g} {unit}".rstrip()
    return SENTENCES[verdict.kind].format(
        label=label, value=shown, time=clock(verdict.at, zone), due=clock(verdict.high, zone),
        band=band(verdict.low, verdict.high, digits), hour=" at this hour" if verdict.hourly else "",
    )  # fmt: skip


def decimals(width: float) -> int:
    """Return how many digits after the point a band of this width deserves: two that matter."""
    if not isfinite(width) or width <= 0.0:
        return 2
    return min(MOST_DIGITS, max(0, 1 - floor(log10(width))))


def number(value: float, digits: int) -> str:
    """Write a number with so many digits after the point, without a minus before zero."""
    if not isfinite(value) or abs(value) >= LEAST_EXPONENTIAL:
        return f"{value:.3g}"
    rounded = round(value, digits)
    return f"{rounded + 0.0:.{digits}f}"


def band(low: float, high: float, digits: int) -> str:
    """Write a band: `40–95`, or `−5 to 3` where a dash could be taken for a minus."""
    first, last = number(low, digits), number(high, digits)
    if first == last:
        return first
    return f"{first} to {last}" if first.startswith("-") or last.startswith("-") else f"{first}–{last}"


def clock(at: float, zone: tzinfo) -> str:
    """Write a time of day, to the minute as people say it; a time that no calendar knows in seconds since 1970."""
    try:
        return f"{datetime.fromtimestamp(at, zone):%H:%M}"
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f} s"
