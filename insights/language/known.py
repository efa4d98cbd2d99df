"""Which numbers, times and names tools have given: what a model's text may hold. Pure.

Only real numbers and moments count. A number in a text, which a device may have sent, does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

NAME = re.compile(r"[^\W\d][\w.:/-]{0,63}")  # begins with a letter, so that nobody reads it as a quantity
NAMED = ("device", "devices", "winner", "tag", "tags", "model", "models", "field", "fields", "unit", "label", "name")
EPOCHS = (1e9, 4e9)  # seconds since 1970 between which a number is also a moment: points of series have such
SECONDS = "s"


@dataclass
class Known:
    """What may be written: numbers, those of them that are lengths of time in seconds, moments, names, and texts."""

    zone: str
    numbers: set[float] = field(default_factory=set)
    counts: set[int] = field(default_factory=set)
    lengths: set[float] = field(default_factory=set)
    moments: set[datetime] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    texts: list[str] = field(default_factory=list)

    def add(self, value: Any, key: str = "") -> None:
        """Take in all that is in a result."""
        if isinstance(value, Mapping):
            self._add_mapping(value)
        elif isinstance(value, list | tuple | set | frozenset | np.ndarray):
            for part in value:
                self.add(part, key)
        elif isinstance(value, datetime):
            self.moments.add(value)
        elif isinstance(value, str):
            self._add_text(value, key)
        elif isinstance(value, int | float | np.number) and not isinstance(value, bool):
            self._add_number(value)

    def _add_mapping(self, value: Mapping[Any, Any]) -> None:
        for name, part in value.items():
            self.add(part, str(name))
        found = value.get("value")
        if value.get("unit") == SECONDS and isinstance(found, int | float):
            self.lengths.add(abs(float(found)))
        start, end = value.get("start"), value.get("end")
        if isinstance(start, datetime) and isinstance(end, datetime):
            self.lengths.add((end - start).total_seconds())

    def _add_number(self, value: Any) -> None:
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            return
        if isinstance(value, int | np.integer):
            self.counts.add(int(value))
        else:
            self.numbers.add(number)
        if EPOCHS[0] <= number <= EPOCHS[1]:
            self.moments.add(datetime.fromtimestamp(number, UTC))

    def _add_text(self, value: str, key: str) -> None:
        if key in NAMED and NAME.fullmatch(value):
            self.names |= {value, value.partition(".")[2] or value}  # of `model.field` the field as well
        elif key not in ("text", "sentence", "caution"):
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


def known_from(results: Iterable[Any], zone: str) -> Known:
    """Return what some results hold."""
    found = Known(zone)
    for result in results:
        found.add(result)
    return found
