"""A fact: one number about stored readings, and everything that is needed to check it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time that facts are about: from `start` to before `end`, both at whole minutes (UTC)."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """Return how long it is."""
        return self.end - self.start

    @property
    def hours(self) -> float:
        """Return how many hours it is long."""
        return self.length / timedelta(hours=1)

    def before(self) -> Window:
        """Return the stretch of the same length that ends where this one begins."""
        return Window(self.start - self.length, self.start)


def window_until(now: datetime, length: timedelta) -> Window:
    """Return the window of some length that ends with the minute that runs.

    Whole minutes, because rollups have no shorter ones; a length of less than a minute is a minute.
    """
    end = datetime.fromtimestamp(math.floor(now.timestamp() / 60) * 60, UTC) + MINUTE
    minutes = max(1, math.ceil(length / MINUTE))
    return Window(end - minutes * MINUTE, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One number: what it is (`name` for programs, `label` for people), of what, and how to get it again.

    `unit` is UCUM; `at` and `device` say when and by which device an extreme was measured; `when` says in words which
    part of the window a number is about. The first column of the first row of `sql` is `value`. `readings` is how many
    readings it rests on. A value is None where there is nothing to compute it from.
    """

    name: str
    label: str
    value: float | int | None
    unit: str
    model: str
    window: Window
    readings: int
    sql: str
    field: str | None = None
    device: str | None = None
    at: datetime | None = None
    when: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something odd that was noticed: when, of which device and field, and one sentence for people."""

    device: str
    field: str
    start: datetime
    end: datetime
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What facts are about: a model, and the devices that are meant: one by name, those of a tag, or all of them."""

    model: str
    device: str | None
    tag: str | None
    devices: int
    zone: str


@dataclass(frozen=True, slots=True)
class Described:
    """A field that facts were gathered of: how people call it, its unit, its kind, and its limits in the model."""

    name: str
    label: str
    unit: str
    kind: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """All facts of a model's devices over a window; `source` is what they were read from, the finest part last.

    `recomputing` buckets of rollups wait to be computed anew, because readings came late. `more_fields` were left out.
    `since` is when the first readings came, where there were none in the first part of the window.
    """

    about: About
    window: Window
    fields: tuple[Described, ...]
    facts: tuple[Fact, ...]
    noticed: tuple[Noticed, ...] = ()
    source: str = "raw"
    recomputing: int = 0
    more_fields: int = 0
    since: datetime | None = None
    names: dict[str, Fact] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.names.update({fact.name: fact for fact in self.facts})

    @property
    def is_of_several(self) -> bool:
        """Tell whether several devices sent readings."""
        heard = self.get("devices")
        return heard is not None and (heard.value or 0) > 1

    def get(self, name: str) -> Fact | None:
        """Return the fact of a name that has a value; None when there is none."""
        found = self.names.get(name)
        return found if found is not None and found.value is not None else None
