"""Say in words what became different from one version of a model to the next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from validation.spec import FieldSpec, ModelSpec

NOTHING = (None, "", ())
FIRST = "First version."
# Settings of a field, in the order in which they are told, with what people call them.
FIELD_WORDS = {
    "path": "path",
    "minimum": "minimum",
    "maximum": "maximum",
    "max_length": "longest",
    "pattern": "pattern",
    "label": "label",
    "description": "description",
}
MODEL_WORDS = {
    "topic_filter": "topic filter",
    "device_source": "device comes from",
    "device_level": "device wildcard",
    "device_key": "device path",
    "time_source": "time comes from",
    "time_key": "time path",
    "time_unit": "time unit",
    "sequence_key": "sequence path",
    "unknown": "unknown keys",
    "past_s": "oldest (s)",
    "ahead_s": "furthest ahead (s)",
    "retention_days": "kept for (days)",
    "rollup_1m_days": "rollups of a minute kept for (days)",
    "rollup_1h_days": "rollups of an hour kept for (days)",
    "rollup_1d_days": "rollups of a day kept for (days)",
}


def differences(old: ModelSpec | None, new: ModelSpec) -> list[str]:
    """Return a sentence for each difference, fields before settings; empty when both say the same."""
    if old is None:
        return [FIRST]
    if old == new:
        return []
    told = [*_of_fields(old.fields, new.fields), *_of_settings(old, new)]
    return told or ["The order of the fields."]


def _of_fields(old: Iterable[FieldSpec], new: Iterable[FieldSpec]) -> Iterator[str]:
    before, after = {field.name: field for field in old}, {field.name: field for field in new}
    for name, field in after.items():
        if name not in before:
            yield f"new {'required' if field.required else 'optional'} field `{name}` ({_summary(field)})"
        else:
            yield from _of_field(before[name], field)
    for name in before:
        if name not in after:
            yield f"field `{name}` removed; its column and what it holds stay"


def _of_field(old: FieldSpec, new: FieldSpec) -> Iterator[str]:
    name = f"`{new.name}`"
    if old.kind != new.kind:
        yield f"{name} {old.kind} → {new.kind}"
    if old.required != new.required:
        yield f"{name} {'is required now' if new.required else 'may be missing now'}"
    if old.unit != new.unit:
        kept = " (stored values are not converted)" if old.unit else ""
        yield f"{name} unit {_said(old.unit)} → {_said(new.unit)}{kept}"
    for setting, words in FIELD_WORDS.items():
        before, after = getattr(old, setting), getattr(new, setting)
        if before != after:
            yield f"{name} {words} {_said(before)} → {_said(after)}"
    yield from _of_choices(name, old.choices, new.choices)


def _of_choices(name: str, old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    added = [choice for choice in new if choice not in old]
    gone = [choice for choice in old if choice not in new]
    if added:
        yield f"{name} may also be {', '.join(map(repr, added))}"
    if gone:
        yield f"{name} may no longer be {', '.join(map(repr, gone))}"
    if not added and not gone and old != new:
        yield f"{name} lists its choices in another order"


def _of_settings(old: ModelSpec, new: ModelSpec) -> Iterator[str]:
    for setting, words in MODEL_WORDS.items():
        before, after = getattr(old, setting), getattr(new, setting)
        if before != after:
            yield f"{words} {_said(before)} → {_said(after)}"
    if old.any_of != new.any_of:
        yield _of_any(new.any_of)
    if old.register_devices != new.register_devices:
        yield "unknown devices are registered" if new.register_devices else "unknown devices wait in quarantine"
    for rule in new.rules:
        if rule not in old.rules:
            yield f"new rule `{rule.expression}`" + (f", said as {rule.message!r}" if rule.message else "")
    for rule in old.rules:
        if rule not in new.rules:
            yield f"rule `{rule.expression}` removed" + (f" (said as {rule.message!r})" if rule.message else "")


def _of_any(names: tuple[str, ...]) -> str:
    if not names:
        return "no field of a set has to be present any more"
    return f"at least one of {', '.join(f'`{name}`' for name in names)} must be present"


def _summary(field: FieldSpec) -> str:
    parts: list[str] = [field.kind, field.unit]
    if field.minimum is not None or field.maximum is not None:
        low = _said(field.minimum) if field.minimum is not None else "any"
        parts.append(f"{low} to {_said(field.maximum) if field.maximum is not None else 'any'}")
    parts.append(" or ".join(map(repr, field.choices)))
    return ", ".join(part for part in parts if part)


def _said(value: Any) -> str:
    if value in NOTHING:
        return "none"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,g}" if abs(value) < 1e6 else f"{value:,.0f}"
    return str(value)
