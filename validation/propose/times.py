"""Find where the time of a reading stands, and in which unit: by names, by size, and by comparison with receipt."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any

from validation.moments import ISO_8601, microseconds
from validation.propose.traffic import Path, Place, Reading, Traffic
from validation.propose.words import words_of
from validation.spec import FIFTEEN_YEARS_S, TEN_MINUTES_S, TimeUnit

# How many of each unit make a second. Seconds since 1970 lie between the years 2001 and 2103; no two ranges meet.
UNITS: dict[TimeUnit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
EARLIEST_S, LATEST_S = 1e9, 4.2e9
# Names of times, those first that usually mean the moment of measurement.
NAMES = (
    "timestamp", "ts", "tst", "time", "datetime", "date time", "measured at", "recorded at", "event time", "gps time",
    "utc", "epoch", "unixtime", "unix time", "timestamp ms", "time ms", "ts ms", "epoch ms", "date", "t", "at",
    "created at", "sent at", "last seen", "updated at",
)  # fmt: skip
LAST_WORDS = frozenset({"time", "timestamp", "ts", "at", "date", "utc", "epoch", "seen", "tst", "started", "updated"})
LOOKED_AT = 500  # readings that are compared with receipt
A_DAY_S = 86_400.0
QUARTER_S = 900.0  # zones differ from UTC by whole quarters of an hour


@dataclass(frozen=True, slots=True)
class Time:
    """Where the time stands, or None for the moment of receipt; its unit; and what to tell about the choice."""

    path: Path | None
    unit: TimeUnit
    notes: tuple[str, ...] = ()


def unit_of(place: Place) -> TimeUnit | None:
    """Return the unit in which numbers count since 1970, None when they are no such times."""
    if not place.is_number() or place.low is None or place.high is None:
        return None
    for unit, factor in UNITS.items():
        if place.low >= EARLIEST_S * factor and place.high <= LATEST_S * factor:
            return unit
    return None


def is_iso(place: Place) -> bool:
    """Tell whether every text is a time in ISO 8601, as far as the first ones that differ show it."""
    return place.is_text() and all(microseconds(text) is not None for text in place.texts)


def is_time(place: Place) -> bool:
    """Tell whether values are times: by how they are written, or by their size and the name together."""
    return is_iso(place) or (unit_of(place) is not None and _is_named(place))


def _is_named(place: Place) -> bool:
    words = words_of(place.key)
    return _is_usual(place) or (bool(words) and (words[-1] in LAST_WORDS or words[:1] == ("time",)))


def find(traffic: Traffic, known: Path | None = None) -> Time:
    """Return where the time of the readings stands; `known` is where the documentation of their family says."""
    everywhere = [place for place in traffic.places.values() if place.seen == len(traffic.readings)]
    complete = [place for place in everywhere if is_time(place) and (_is_usual(place) or _is_new(traffic, place))]
    if known is not None:
        complete = [place for place in complete if place.path == known] or complete
    notes: list[str] = []
    for place in sorted(complete, key=_rank):
        fault = _fault(traffic, place)
        if fault is None:
            return Time(place.path, unit_of(place) or "s", tuple(notes))
        notes.append(fault)
    if not notes:
        notes.append("No time stands in every reading, so the moment of receipt is taken.")
    return Time(None, "s", tuple(notes))


def _is_usual(place: Place) -> bool:
    return " ".join(words_of(place.key)) in NAMES


def _is_new(traffic: Traffic, place: Place) -> bool:
    """Tell whether times are of about the moment of receipt. Others are of something else, such as a calibration."""
    unit = unit_of(place)
    late = [seconds for reading in _some(traffic.readings) if (seconds := _late(reading, place.path, unit)) is not None]
    return bool(late) and abs(median(late)) < A_DAY_S


def _rank(place: Place) -> tuple[int, int, str]:
    name = " ".join(words_of(place.key))
    return len(place.path), NAMES.index(name) if name in NAMES else len(NAMES), place.key


def _fault(traffic: Traffic, place: Place) -> str | None:
    """Return why a time cannot be the time of the readings, None when it can."""
    unit = unit_of(place)
    where = ".".join(place.path)
    found = [_late(reading, place.path, unit) for reading in _some(traffic.readings)]
    late = [seconds for seconds in found if seconds is not None]
    if len(late) < len(found):
        return f"`{where}` is not always a time."
    typical = median(late)
    if min(late) >= -TEN_MINUTES_S and max(late) <= FIFTEEN_YEARS_S:
        if _is_shifted(typical) and max(late) - min(late) < QUARTER_S / 3 and not _has_zone(place):
            return _other_zone(where, typical)
        return None
    if is_iso(place) and _is_shifted(typical) and not _has_zone(place):
        return _other_zone(where, typical)
    side = "ahead of" if typical < 0 else "before"
    return f"`{where}` is {abs(typical):,.0f} s {side} receipt; the moment of receipt is taken instead."


def _some(readings: list[Reading]) -> list[Reading]:
    return readings[:: max(1, len(readings) // LOOKED_AT)]


def _late(reading: Reading, path: Path, unit: TimeUnit | None) -> float | None:
    """Return by how many seconds receipt came after the time of a reading."""
    value: Any = reading.values.get(path)
    if isinstance(value, str):
        micros = microseconds(value)
        return None if micros is None else reading.received - micros / 1e6
    if unit is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(reading.received - value / UNITS[unit])


def _is_shifted(late: float) -> bool:
    """Tell whether a delay is about a whole number of quarters of an hour, half an hour at least, as zones are."""
    rest = abs(late) % QUARTER_S
    return 1_700 <= abs(late) <= 15 * 3_600 and min(rest, QUARTER_S - rest) < QUARTER_S / 6


def _has_zone(place: Place) -> bool:
    """Tell whether a time says where it counts from: numbers do."""
    zones = [found[3] for text in place.texts if (found := ISO_8601.fullmatch(text))]
    return not place.is_text() or all(zones)


def _other_zone(where: str, late: float) -> str:
    return (
        f"`{where}` has no zone and is about {-late / 3_600:+.2f} h away from receipt, so it seems to be local time; a "
        "time without a zone is read as UTC. The moment of receipt is taken; better let the device send UTC."
    )
