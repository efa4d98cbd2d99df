"""Which numbers, times and names tools have given: what a model's text may hold. Pure.

Only real numbers and moments count. A number in a text, which a device may have sent, does not.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

NAME = re.compile(r"[^\W\d][\w.:/-]{0,63}")  # begins with a letter, so that nobody reads it as a quantity
NAMED = ("device", "devices", "winner", "tag", "tags", "model", "models", "field", "fields", "label", "name")
SUBJECTS = ("device", "devices", "winner")  # names that make a sentence one about the data
OWN = ("text", "sentence", "caution")  # texts of templates
TOLD_BY = ("name", "label", "field")  # what says, beside a number, what it is of
EPOCHS = (1e9, 4e9)  # seconds since 1970 between which a number is also a moment: points of series have such
SECONDS = "s"
TERM = re.compile(r"[^\W\d_]{3,}")
# Words that say nothing about a number, because every result has them.
EMPTY = frozenset(
    {"value", "values", "rows", "all", "facts", "name", "label", "unit", "and", "the", "series", "points", "limit"}
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that a tool gave, the words that say what it is of, its unit, and whether it counts something."""

    value: float
    terms: frozenset[str]
    unit: str
    is_count: bool


@dataclass
class Known:
    """What may be written: numbers, lengths of time in seconds, moments, names; and texts that must not be repeated."""

    zone: str
    numbers: set[Number] = field(default_factory=set)
    lengths: set[float] = field(default_factory=set)
    moments: set[datetime] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    units: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)

    def add(self, value: Any, key: str = "", terms: frozenset[str] = frozenset(), unit: str = "") -> None:
        """Take in all that is in a result; `terms` and `unit` are what stands around it."""
        if isinstance(value, Mapping):
            self._add_mapping(value, terms, unit)
        elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
            for part in value:
                self.add(part, key, terms, unit)
        elif isinstance(value, datetime):
            self.moments.add(value)
        elif isinstance(value, str):
            self._add_text(value, key)
        elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
            self._add_number(float(value), terms, unit, is_count=isinstance(value, int | np.integer))

    def _add_mapping(self, value: Mapping[Any, Any], terms: frozenset[str], unit: str) -> None:
        told = terms.union(*(terms_of(str(value.get(name) or "")) for name in TOLD_BY))
        for name, part in value.items():
            self.add(part, str(name), told | terms_of(str(name)), str(value.get("unit") or unit))
        start, end = value.get("start"), value.get("end")
        if isinstance(start, datetime) and isinstance(end, datetime):
            self.lengths.add((end - start).total_seconds())

    def _add_number(self, number: float, terms: frozenset[str], unit: str, *, is_count: bool) -> None:
        if not math.isfinite(number):
            return
        self.numbers.add(Number(number, terms, unit, is_count))
        if unit == SECONDS:
            self.lengths.add(abs(number))
        if EPOCHS[0] <= number <= EPOCHS[1]:
            self.moments.add(datetime.fromtimestamp(number, UTC))

    def _add_text(self, value: str, key: str) -> None:
        if key in NAMED and NAME.fullmatch(value):
            self.names |= {value, value.partition(".")[2] or value}  # of `model.field` the field as well
            if key in SUBJECTS:
                self.subjects.add(value)
        elif key == "unit" and NAME.fullmatch(value):
            self.units.add(value)
        elif key not in OWN:
            self.texts.append(value)

    def shown(self) -> Iterator[datetime]:
        """Give each moment as its two clocks show it: in UTC, as data have it, and in the zone of the answer."""
        for one in self.moments:
            yield one.astimezone(UTC)
            yield one.astimezone(ZoneInfo(self.zone))

    @property
    def clocks(self) -> set[str]:
        """Return the times of day of all moments, to the second and to the minute."""
        return {one.strftime(form) for one in self.shown() for form in ("%H:%M", "%H:%M:%S")}

    @property
    def days(self) -> set[tuple[int, int, int]]:
        """Return the days of all moments."""
        return {(one.year, one.month, one.day) for one in self.shown()}


def terms_of(text: str) -> frozenset[str]:
    """Return the words of a text that can say what a number is of."""
    return frozenset(TERM.findall(text.casefold().replace("_", " "))) - EMPTY


def known_from(results: Iterable[Any], zone: str) -> Known:
    """Return what some results hold."""
    found = Known(zone)
    for result in results:
        found.add(result)
    return found
