"""Sentences about one number: where it was, between what, what it did, and against the period before. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from insights.facts.fact import Described, Fact
from insights.facts.times import length_words
from insights.summaries.telling import Teller, inside_name, name_of, plural
from insights.symbols import decimals_of, with_unit

FEW = 10  # readings; of fewer only how many and between what is told
# A range of so much of the level, or of what the model allows, is a minor fluctuation.
MINOR, MINOR_OF_LIMITS = 0.15, 0.03
SLIGHT, STRONG = 0.10, 0.40  # shares of the level by which a change is called slight or strong
WORTH = 0.05  # share of the level that a change against the period before must have to be told
WIDE = 2.0  # times as wide as the usual range a range is told to have stragglers


@dataclass(frozen=True, slots=True)
class Level:
    """The facts of a number that every sentence needs."""

    described: Described
    count: Fact
    mean: Fact
    low: Fact
    high: Fact

    @property
    def spread(self) -> float:
        """Return from the smallest to the largest."""
        return float(self.high.value or 0) - float(self.low.value or 0)

    @property
    def decimals(self) -> int:
        """Return with how many decimals its numbers are told."""
        return decimals_of(self.spread, float(self.low.value or 0), float(self.high.value or 0))

    @property
    def size(self) -> float:
        """Return what a change is measured by: the level, or of a level near zero a part of what is allowed."""
        low, high = self.described.minimum, self.described.maximum
        allowed = 0.2 * (high - low) if low is not None and high is not None else 0.0
        return max(abs(float(self.mean.value or 0)), allowed, self.spread / 2)

    @property
    def is_stable(self) -> bool:
        """Tell whether it hardly moved."""
        low, high = self.described.minimum, self.described.maximum
        if low is not None and high is not None and self.spread <= MINOR_OF_LIMITS * (high - low):
            return True
        return self.spread <= MINOR * abs(float(self.mean.value or 0))


def sentences_of(teller: Teller, described: Described) -> Iterator[str]:
    """Give the sentences about one field; none when no reading has it."""
    names = (f"{described.name}.{part}" for part in ("count", "mean", "min", "max"))
    count, mean, low, high = (teller.facts.get(name) for name in names)
    if count is None or mean is None or low is None or high is None:
        return
    level = Level(described, count, mean, low, high)
    if teller.facts.get(f"{described.name}.rise"):
        yield from _rise(teller, level)
    elif level.spread == 0:
        yield _constant(teller, level)
    elif (count.value or 0) < FEW:
        yield _few(teller, level)
    else:
        yield _where(teller, level)
        yield from _what_it_did(teller, level)
        yield from _against_before(teller, level)


def _constant(teller: Teller, level: Level) -> str:
    name, value = name_of(level.described.label), teller.measured(level.low, level.decimals)
    if level.count.value == 1:
        return f"{name}: {teller.number(level.count)} reading, {value} at {teller.clock(level.low)}."
    return f"{name} stayed at {value} ({teller.number(level.count)} readings)."


def _few(teller: Teller, level: Level) -> str:
    low, high = (teller.measured(fact, level.decimals) for fact in (level.low, level.high))
    many = f"{teller.number(level.count)} reading{plural(level.count)}"
    return f"{name_of(level.described.label)}: only {many}, between {low} and {high}."


def _rise(teller: Teller, level: Level) -> Iterator[str]:
    rise = teller.facts.get(f"{level.described.name}.rise")
    if rise is not None and rise.value:
        total = " in all" if rise.device is None and teller.facts.about.devices > 1 else ""
        decimals = decimals_of(float(rise.value), float(level.low.value or 0), float(level.high.value or 0))
        yield f"{name_of(level.described.label)} rose by {teller.measured(rise, decimals)}{total}."


def _where(teller: Teller, level: Level) -> str:
    facts, name, places = teller.facts, level.described.name, level.decimals
    mean = teller.measured(level.mean, places)
    has_shape = facts.get(f"{name}.shift") or facts.get(f"{name}.slope")
    if level.is_stable and not has_shape:
        low, high = (teller.measured(fact, places) for fact in (level.low, level.high))
        began = f"Average {inside_name(level.described.label)} remained stable at {mean}"
        return f"{began} with minor fluctuations between {low} and {high}."
    usual = facts.get(f"{name}.usual.low"), facts.get(f"{name}.usual.high")
    began = f"Average {inside_name(level.described.label)} was {mean}"
    if usual[0] and usual[1] and _has_stragglers(level, usual[0], usual[1]):
        between = " and ".join(teller.measured(fact, places) for fact in usual if fact)
        return f"{began}, mostly between {between}; {_extremes(teller, level)}."
    return f"{began}; {_extremes(teller, level)}."


def _has_stragglers(level: Level, low: Fact, high: Fact) -> bool:
    usual = float(high.value or 0) - float(low.value or 0)
    return usual > 10.0**-level.decimals and level.spread > WIDE * usual


def _extremes(teller: Teller, level: Level) -> str:
    """Return the smallest and the largest value, with when they were measured first, and by which device."""
    parts = []
    for word, fact in (("lowest", level.low), ("highest", level.high)):
        who = f" by {fact.device}" if fact.device and teller.facts.is_of_several else ""
        parts.append(f"the {word} was {teller.measured(fact, level.decimals)} at {teller.clock(fact)}{who}")
    return ", ".join(parts)


def _what_it_did(teller: Teller, level: Level) -> Iterator[str]:
    name, places = level.described.name, level.decimals
    shift, inner, rest = (teller.facts.get(f"{name}.{part}") for part in ("shift", "shift.level", "shift.rest"))
    slope = teller.facts.get(f"{name}.slope")
    if shift is not None and inner is not None and rest is not None:
        if round(float(inner.value or 0), places) != round(float(rest.value or 0), places):
            yield _of_stretch(teller, level, shift, inner, rest)
    elif slope is not None:
        change = abs(float(slope.value or 0)) * teller.facts.window.hours
        word = "rose" if (slope.value or 0) > 0 else "fell"
        decimals = decimals_of(abs(float(slope.value or 0)), 1e-6)
        an_hour = with_unit(teller.number(slope, decimals, absolute=True), slope.unit)
        yield f"{name_of(level.described.label)} {word}{_how_much(change, level)} all the time, by {an_hour} an hour."


def _of_stretch(teller: Teller, level: Level, shift: Fact, inner: Fact, rest: Fact) -> str:
    places, name = level.decimals, name_of(level.described.label)
    up = (shift.value or 0) > 0
    how = _how_much(abs(float(shift.value or 0)), level)
    if inner.when.startswith("between"):
        numbers = f"{teller.measured(inner, places)} against {teller.measured(rest, places)}"
        return f"{name} was{how} {'higher' if up else 'lower'} {inner.when}: {numbers} in the rest of the time."
    numbers = f"from {teller.measured(rest, places)} to {teller.measured(inner, places)}"
    return f"{name} {'increased' if up else 'decreased'}{how} {inner.when}, {numbers} on average."


def _how_much(change: float, level: Level) -> str:
    share = change / level.size if level.size else 0.0
    return " slightly" if share <= SLIGHT else " strongly" if share >= STRONG else ""


def _against_before(teller: Teller, level: Level) -> Iterator[str]:
    change = teller.facts.get(f"{level.described.name}.change")
    before = teller.facts.get(f"{level.described.name}.before")
    if change is None or before is None or before.readings < FEW:
        return
    if abs(float(change.value or 0)) < max(WORTH * level.size, 10.0**-level.decimals):
        return
    word = "more" if (change.value or 0) > 0 else "less"
    by, span = teller.measured(change, level.decimals, absolute=True), length_words(teller.facts.window.length)
    yield f"On average that is {by} {word} than in the {span} before."
