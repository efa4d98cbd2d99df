"""Make a field of what a JSON Schema says of one value."""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

from validation.exchange.reading import Value, Walk
from validation.paths import text_of
from validation.patterns import fault_of_pattern
from validation.propose.words import field_name
from validation.spec import FIELD_NAME, MAX_TEXT, TIME_UNITS, FieldSpec, Kind
from validation.units import fault_of_unit

LONGEST = {"label": 100, "description": 500, "unit": 30}  # characters, as their columns hold
TIMES = ("date-time", "datetime")
IGNORED_FORMATS = (*TIMES, "float", "double", "int32", "int64")
SUGGESTED = ": write "


def field_of(value: Value, walk: Walk, taken: Container[str], *, own: bool) -> FieldSpec | None:
    """Return the field that comes nearest to a value, None when there is none; notes say what is lost.

    `own` is a document that this project has written: there names are as they are.
    """
    kind = _kind(value, walk)
    if kind is None:
        return None
    name = name_of(value, taken, own=own)
    path = text_of(value.keys)
    minimum, maximum = _limits(value, kind, walk)
    schema = value.schema
    for keyword in schema:
        if keyword == "format" and schema["format"] not in IGNORED_FORMATS:
            walk.note(f"`format` {str(schema['format'])[:40]!r} of `{path}` is not carried over.")
    walk.note_keywords(value.keys, schema)
    return FieldSpec(
        name=name,
        kind=kind,
        path="" if path == name else path,
        label=_text(schema, "label", "x-label", "title"),
        description=_text(schema, "description", "description"),
        unit=_unit(value, kind, walk),
        required=value.required,
        minimum=minimum,
        maximum=maximum,
        choices=_choices(value) if kind == "choice" else (),
        max_length=_max_length(value) if kind == "text" else None,
        pattern=_pattern(value, walk) if kind == "text" else "",
    )


def name_of(value: Value, taken: Container[str], *, own: bool) -> str:
    """Return the name of a field: the one that the schema gives it, its key, or one made of its path."""
    given = value.schema.get("x-name", value.keys[-1] if own or len(value.keys) == 1 else None)
    if (
        isinstance(given, str)
        and FIELD_NAME.fullmatch(given)
        and given not in taken
        and (own or "x-name" in value.schema)
    ):
        return given
    return field_name(value.keys, taken)


def _kind(value: Value, walk: Walk) -> Kind | None:
    types, where = value.types, text_of(value.keys)
    if value.schema.get("x-kind") == "timestamp":
        return "timestamp"
    if types == {"string"}:
        return _kind_of_text(value, walk)
    if types and types <= {"number", "integer"}:
        if _given(value, "enum") or "const" in value.schema:
            walk.note(f"The listed numbers of `{where}` are not carried over; a choice is a text.")
        return "integer" if types == {"integer"} or _number(value, "multipleOf") == 1 else "number"
    if types == {"boolean"}:
        return "boolean"
    if types & {"array", "object"}:
        walk.note(f"`{where}` is left out: an array, or an object of unknown keys, is no field.")
    elif not types:
        walk.note(f"`{where}` is left out: the schema does not say of which type it is.")
    else:
        walk.note(f"`{where}` is left out: it may be {' or '.join(sorted(types))}, and a field is of one kind.")
    return None


def _kind_of_text(value: Value, walk: Walk) -> Kind:
    if value.schema.get("format") in TIMES:
        return "timestamp"
    if _choices(value):
        return "choice"
    if _given(value, "enum"):
        walk.note(f"The listed texts of `{text_of(value.keys)}` are not carried over: choices have no commas in them.")
    return "text"


def _given(value: Value, keyword: str) -> list[Any]:
    found = value.schema.get(keyword)
    return found if isinstance(found, list) else []


def _choices(value: Value) -> tuple[str, ...]:
    """Return the texts that a value may be; nothing when they are not all texts."""
    found = [item for item in _given(value, "enum") if item is not None]
    found = found or ([value.schema["const"]] if "const" in value.schema else [])
    return tuple(dict.fromkeys(found)) if all(isinstance(item, str) for item in found) else ()


def _number(value: Value, keyword: str) -> float | None:
    found = value.schema.get(keyword)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return float(found) if math.isfinite(found) else None


def _limits(value: Value, kind: Kind, walk: Walk) -> tuple[float | None, float | None]:
    """Return the inclusive limits of a number. Exclusive ones of an integer are the next integers."""
    if kind not in ("number", "integer"):
        return None, None
    low, high = _number(value, "minimum"), _number(value, "maximum")
    above, below = _number(value, "exclusiveMinimum"), _number(value, "exclusiveMaximum")
    if kind == "integer":
        above = math.floor(above) + 1.0 if above is not None else None
        below = math.ceil(below) - 1.0 if below is not None else None
    elif above is not None or below is not None:
        walk.note(
            f"The limits of `{text_of(value.keys)}` are exclusive in the schema; here they are among what passes."
        )
    lows = [limit for limit in (low, above) if limit is not None]
    highs = [limit for limit in (high, below) if limit is not None]
    return max(lows, default=None), min(highs, default=None)


def _max_length(value: Value) -> int | None:
    longest = _number(value, "maxLength")
    return None if longest is None or longest < 1 or longest == MAX_TEXT else int(longest)


def _pattern(value: Value, walk: Walk) -> str:
    pattern = value.schema.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        return ""
    fault = fault_of_pattern(pattern)
    if fault is not None:
        walk.note(f"The pattern of `{text_of(value.keys)}` is not carried over: it {fault}.")
        return ""
    return pattern


def _unit(value: Value, kind: Kind, walk: Walk) -> str:
    """Return a unit as it stands, or the one in UCUM that was probably meant."""
    given = next((text for key in ("x-unit", "unit", "units") if isinstance(text := value.schema.get(key), str)), "")
    if kind == "timestamp":
        return given if given in TIME_UNITS else ""
    fault = fault_of_unit(given)
    if fault is None or "x-unit" in value.schema:
        return given[: LONGEST["unit"]]
    better = fault.rpartition(SUGGESTED)[2].rstrip(".") if SUGGESTED in fault else ""
    walk.note(f"The unit {given[:40]!r} of `{text_of(value.keys)}` became {better!r}." if better else fault)
    return better


def _text(schema: Any, column: str, *keywords: str) -> str:
    found = next((text for key in keywords if isinstance(text := schema.get(key), str)), "")
    return found.replace("\0", "")[: LONGEST[column]]
