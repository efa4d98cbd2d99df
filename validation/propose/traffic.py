"""Read messages that no model is for: which values stand where, and how often. Bounded whatever they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from validation.limits import parse
from validation.paths import KEY, MAX_LEVELS
from validation.spec import MAX_INTEGER, MIN_INTEGER

Path = tuple[str, ...]

MAX_MESSAGES = 2_000
MAX_BYTES = 16_384  # of one payload
MAX_VALUES = 120_000  # looked at altogether; one takes some 2 µs
MAX_PATHS = 1_000  # told apart; a model has 500 fields at most
MAX_PATH = 255  # characters, as its column holds
KEPT_TEXTS, KEPT_EXAMPLES = 40, 3  # of one place
SHOWN = 60  # characters of an example


class Message(NamedTuple):
    """A message as it came; `received` in seconds since 1970."""

    topic: str
    payload: bytes
    received: float


@dataclass(slots=True)
class Reading:
    """One object: the values that are neither objects nor arrays, by where they stand."""

    topic: str
    received: float
    values: dict[Path, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Place:
    """What stood at one place of the payloads. Counts are of readings; null counts as missing."""

    path: Path
    seen: int = 0
    nulls: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # of bool, int, float, str
    low: float | None = None
    high: float | None = None
    fractions: int = 0  # numbers that are not whole; 5.0 is
    huge: bool = False  # a whole number was too large for a column of integers
    longest: int = 0
    texts: Counter[str] = field(default_factory=Counter)  # the first KEPT_TEXTS that differ
    other_texts: int = 0  # of further ones
    examples: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """Return the last key of the path."""
        return self.path[-1]

    def add(self, value: Any) -> None:
        """Count one value."""
        if value is None:
            self.nulls += 1
            return
        self.seen += 1
        kind = type(value).__name__
        self.kinds[kind] += 1
        if kind in ("int", "float"):
            self.low = value if self.low is None or value < self.low else self.low
            self.high = value if self.high is None or value > self.high else self.high
            self.fractions += kind == "float" and not value.is_integer()
            self.huge = self.huge or not MIN_INTEGER <= value <= MAX_INTEGER
        elif kind == "str":
            self._add_text(value)
        if len(self.examples) < KEPT_EXAMPLES:
            shown = str(value)[:SHOWN]
            if shown not in self.examples:
                self.examples.append(shown)

    def _add_text(self, value: str) -> None:
        self.longest = max(self.longest, len(value))
        if value in self.texts or len(self.texts) < KEPT_TEXTS:
            self.texts[value] += 1
        else:
            self.other_texts += 1

    def is_number(self) -> bool:
        """Tell whether every value was a number."""
        return bool(self.seen) and self.kinds["int"] + self.kinds["float"] == self.seen

    def is_whole(self) -> bool:
        """Tell whether every value was a whole number, written as one, that a column of integers holds."""
        return bool(self.seen) and self.kinds["int"] == self.seen and not self.huge

    def is_text(self) -> bool:
        """Tell whether every value was a text."""
        return bool(self.seen) and self.kinds["str"] == self.seen


@dataclass(slots=True)
class Traffic:
    """All that is known of some messages."""

    messages: int = 0
    topics: list[str] = field(default_factory=list)  # each once, the newest first
    readings: list[Reading] = field(default_factory=list)  # oldest first
    places: dict[Path, Place] = field(default_factory=dict)
    arrays: Counter[Path] = field(default_factory=Counter)
    objects: set[Path] = field(default_factory=set)
    plain: int = 0  # messages that are a number, a text or the like
    unreadable: int = 0  # messages that are not JSON, or beyond the bounds of a payload
    large: int = 0  # messages of more than MAX_BYTES
    unlooked: int = 0  # messages after MAX_VALUES
    odd_keys: int = 0  # values under a key that no path can name
    deep: int = 0  # objects below the levels that a path can have
    further: int = 0  # values at places after MAX_PATHS

    def share(self, path: Path) -> float:
        """Return in which part of the readings a place held a value, from 0 to 1."""
        place = self.places.get(path)
        return place.seen / len(self.readings) if place and self.readings else 0.0

    def holds_values(self, path: Path) -> bool:
        """Tell whether a place holds nothing but values, in objects that are never anything else."""
        if path in self.objects or path in self.arrays:
            return False
        above = [path[:level] for level in range(1, len(path))]
        return not any(place in self.arrays or (place in self.places and self.places[place].seen) for place in above)


def read(messages: Iterable[Message]) -> Traffic:
    """Read messages, newest first; of more than the bounds allow, the oldest are left out."""
    traffic = Traffic()
    left = MAX_VALUES
    topics: dict[str, None] = {}
    for number, message in enumerate(messages):
        if number == MAX_MESSAGES:
            break
        traffic.messages += 1
        topics[message.topic] = None
        if left <= 0:
            traffic.unlooked += 1
        elif len(message.payload) > MAX_BYTES:
            traffic.large += 1
        else:
            left -= _read_one(traffic, message)
    traffic.topics = list(topics)
    traffic.readings.reverse()
    traffic.readings.sort(key=lambda reading: reading.received)
    return traffic


def _read_one(traffic: Traffic, message: Message) -> int:
    """Read one message; return what it cost, in values."""
    value, faults = parse(message.payload)
    if faults:
        traffic.unreadable += 1
        return 1
    items = value if isinstance(value, list) else [value]
    objects = [item for item in items if isinstance(item, dict)]
    if not objects:
        traffic.plain += 1
        return 1
    cost = 0
    for item in reversed(objects):  # the readings are turned round at the end
        reading = Reading(message.topic, message.received)
        for path, held in _values(traffic, item):
            cost += 1
            place = traffic.places.get(path)
            if place is None:
                if len(traffic.places) >= MAX_PATHS:
                    traffic.further += 1
                    continue
                place = traffic.places[path] = Place(path)
            place.add(held)
            reading.values[path] = held
        traffic.readings.append(reading)
    return cost + len(objects)


def _values(traffic: Traffic, item: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Yield the values of an object and of the objects in it, in their order, without recursion."""
    waiting: list[tuple[Path, int, Iterator[tuple[str, Any]]]] = [((), 0, iter(item.items()))]
    while waiting:
        path, length, pairs = waiting[-1]
        for key, value in pairs:
            if not KEY.fullmatch(key) or not key.isprintable() or length + len(key) > MAX_PATH:
                traffic.odd_keys += 1
            elif isinstance(value, list):
                if len(traffic.arrays) < MAX_PATHS:
                    traffic.arrays[*path, key] += 1
            elif isinstance(value, dict):
                if len(traffic.objects) < MAX_PATHS:
                    traffic.objects.add((*path, key))
                if len(waiting) < MAX_LEVELS:
                    waiting.append(((*path, key), length + len(key) + 1, iter(value.items())))
                    break
                traffic.deep += 1
            else:
                yield (*path, key), value
        else:
            waiting.pop()
