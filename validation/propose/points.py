"""Find latitude and longitude that stand next to each other: together they are a geographic point."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from validation.paths import text_of
from validation.propose.traffic import Path, Place, Traffic

LATITUDES = ("lat", "latitude")
LONGITUDES = ("lon", "lng", "long", "longitude")
MAX_PATH = 255  # characters, as its column holds


@dataclass(frozen=True, slots=True)
class Pair:
    """The places of a latitude and a longitude, the path of the point, and in how many readings both stood."""

    latitude: Place
    longitude: Place
    path: str
    seen: int
    name: tuple[str, ...]  # what to call it

    @property
    def examples(self) -> list[str]:
        """Return examples as people write points."""
        pairs = zip(self.latitude.examples, self.longitude.examples, strict=False)
        return [f"{latitude}, {longitude}" for latitude, longitude in pairs]


def pairs(traffic: Traffic, places: Collection[Place]) -> Iterator[Pair]:
    """Yield the points among some places."""
    by_parent: dict[Path, dict[str, Place]] = {}
    for place in places:
        by_parent.setdefault(place.path[:-1], {})[place.key.lower()] = place
    for parent, inside in by_parent.items():
        latitude = next((inside[name] for name in LATITUDES if name in inside), None)
        longitude = next((inside[name] for name in LONGITUDES if name in inside), None)
        if latitude is None or longitude is None or not (_within(latitude, 90) and _within(longitude, 180)):
            continue
        path = _path(parent, latitude.path, longitude.path)
        both = sum(
            reading.values.get(latitude.path) is not None and reading.values.get(longitude.path) is not None
            for reading in traffic.readings
        )
        # One without the other is no point, and would be refused as one.
        if path is not None and both == latitude.seen == longitude.seen:
            yield Pair(latitude, longitude, path, both, parent or ("position",))


def _within(place: Place, limit: float) -> bool:
    return place.is_number() and place.low is not None and -limit <= place.low and (place.high or 0) <= limit


def _path(parent: Path, latitude: Path, longitude: Path) -> str | None:
    """Return the path of an object with `lat` and `lon`, or both paths; None when no path can say it."""
    if parent and (latitude[-1], longitude[-1]) == ("lat", "lon"):
        return text_of(parent)
    one, other = text_of(latitude), text_of(longitude)
    return f"{one},{other}" if "," not in one + other and len(one) + len(other) < MAX_PATH else None
