"""What the types of a model cannot say of a reading, as functions: each gives a reason against it, or None.

They see a reading whose types are right. `Reading` objects have the attributes that `validation.leaves` describes, and
a point is a pair of latitude and longitude.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

from validation.expressions import Value
from validation.moments import PER_SECOND, microseconds, moment
from validation.paths import parts, pointer
from validation.patterns import matcher
from validation.spec import TIME_UNITS, FieldSpec, ModelSpec, Reason, Rule, TimeUnit, expression_of, paths_of

Check = Callable[[Any], Reason | None]

UNIT_WORDS: dict[TimeUnit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
SHOWN = 80  # characters of a value in a sentence


def checks_of(spec: ModelSpec) -> tuple[Check, ...]:
    """Return the checks of a model, those that say more before those that rely on them; empty for a plain model."""
    return tuple(_checks(spec))


def _checks(spec: ModelSpec) -> Iterator[Check]:
    attributes = {field.name: f"f{number}" for number, field in enumerate(spec.fields)}
    if spec.any_of:
        yield _any_of([attributes[name] for name in spec.any_of])
    for field in spec.fields:
        if field.kind == "timestamp":
            yield _timestamp(attributes[field.name], field)
        elif field.kind == "point" and not field.required:
            yield _point(attributes[field.name], field)
        elif field.kind == "text" and field.pattern:
            yield _pattern(attributes[field.name], field)
    for rule in spec.rules:
        yield _rule(rule, spec, attributes)


def _any_of(attributes: list[str]) -> Check:
    # One name twice still gives a tuple, which attrgetter does not for a single name.
    values_of: Callable[[Any], tuple[Any, ...]] = attrgetter(attributes[0], *attributes)
    nothing = (None,) * (len(attributes) + 1)
    reason = Reason("nothing_measured", "", "None of the fields is present of which at least one must be.")

    def check(reading: Any) -> Reason | None:
        return reason if values_of(reading) == nothing else None

    return check


def _timestamp(attribute: str, field: FieldSpec) -> Check:
    place, unit = pointer(*parts(paths_of(field)[0])), unit_of(field)

    def check(reading: Any) -> Reason | None:
        value = getattr(reading, attribute)
        return no_moment(place, value, unit) if value is not None and microseconds(value, unit) is None else None

    return check


def _point(attribute: str, field: FieldSpec) -> Check:
    places = [pointer(*parts(path)) for path in paths_of(field)]

    def check(reading: Any) -> Reason | None:
        pair = getattr(reading, attribute)
        if pair is None or None not in pair:
            return None
        half = "latitude" if pair[0] is None else "longitude"
        return Reason("incomplete_point", places[pair.index(None)], f"The {half} of {field.name!r} is missing.")

    return check


def _pattern(attribute: str, field: FieldSpec) -> Check:
    place, found = pointer(*parts(paths_of(field)[0])), matcher(field.pattern)

    def check(reading: Any) -> Reason | None:
        value = getattr(reading, attribute)
        if value is None or found(value):
            return None
        return Reason("pattern", place, f"{value[:SHOWN]!r} does not match {field.pattern[:SHOWN]!r}.")

    return check


def _rule(rule: Rule, spec: ModelSpec, attributes: dict[str, str]) -> Check:
    """Return the check of a condition across fields. Costs some 4 µs a reading, most of it in CEL."""
    expression = expression_of(rule, spec)
    units = {field.name: unit_of(field) for field in spec.fields if field.kind == "timestamp"}
    needed = [(name, attributes[name], units.get(name)) for name in expression.names]

    def check(reading: Any) -> Reason | None:
        values: dict[str, Value] = {}
        for name, attribute, unit in needed:
            value = getattr(reading, attribute)
            if unit is not None and value is not None:
                micros = microseconds(value, unit)
                value = None if micros is None else moment(micros)
            if value is None:
                return None
            values[name] = value
        fault = expression.fault(values)
        return _broken(rule, fault, values) if fault else None

    return check


def _broken(rule: Rule, fault: str, values: dict[str, Value]) -> Reason:
    used = ", ".join(f"{name} = {str(value)[:SHOWN]}" for name, value in values.items())
    said = rule.message or f"The rule {rule.expression} {fault}"
    return Reason("rule", "", f"{said.rstrip('.')}: {used}."[:500])


def unit_of(field: FieldSpec) -> TimeUnit:
    """Return what a time in a field counts when it is a number."""
    return next((unit for unit in TIME_UNITS if unit == field.unit), "s")


def no_moment(place: str, value: float | str, unit: TimeUnit) -> Reason:
    """Say that a value at a place is no time, and guess the commonest cause: another unit."""
    detail = f"{str(value)[:SHOWN]!r} is neither {UNIT_WORDS[unit]} since 1970 nor ISO 8601.{other_unit(value, unit)}"
    return Reason("timestamp", place, detail)


def other_unit(value: float | str, unit: TimeUnit) -> str:
    """Return a sentence, after a space, when a number makes sense as a time in another unit; else an empty text."""
    for other, per_second in PER_SECOND.items():
        # Between the years 2001 and 2103; no two of the ranges meet.
        if not isinstance(value, str) and other != unit and 1e9 < value / per_second < 4.2e9:
            return f" It looks like {UNIT_WORDS[other]}; {UNIT_WORDS[unit]} are expected."
    return ""
