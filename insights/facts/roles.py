"""Which fields say something when they are averaged or counted. Pure."""

from __future__ import annotations

import re

from validation.spec import FieldSpec

COUNTERS = re.compile(r"odometer|mileage|uptime|counter|(^|_)total($|_)|(^|_)reading_kwh$", re.ASCII)
TOLD = ("number", "integer", "boolean", "choice")
# Where something is, and where it is heading: the mean of two places, or of 359° and 1°, means nothing.
PLACES = frozenset(("latitude", "longitude", "lat", "lon", "lng", "heading", "bearing", "course", "direction"))


def is_told(field: FieldSpec) -> bool:
    """Tell whether summaries speak of a field: no texts, times and places, and no angles of a whole turn."""
    if field.kind not in TOLD or field.name in PLACES:
        return False
    return not (field.unit == "deg" and field.minimum == 0 and field.maximum == 360)


def is_counter(field: FieldSpec) -> bool:
    """Tell whether a field counts up for as long as a device lives, by its name: then its level says nothing."""
    return bool(COUNTERS.search(field.name))
