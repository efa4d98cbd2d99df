"""Models as JSON Schema 2020-12, out and in: our own come back equal, of others the nearest model is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.core.exceptions import ValidationError

from validation.exchange.reading import Value, Walk
from validation.exchange.values import field_of, name_of
from validation.json_schema import json_schema
from validation.paths import text_of
from validation.propose.identity import CLEAR, DEVICE_KEYS
from validation.propose.points import LATITUDES, LONGITUDES
from validation.propose.times import NAMES
from validation.propose.words import model_name, words_of
from validation.spec import (
    FIFTEEN_YEARS_S,
    MAX_FIELDS,
    MODEL_NAME,
    TEN_MINUTES_S,
    TIME_UNITS,
    FieldSpec,
    ModelSpec,
    Rule,
    TimeUnit,
)

SEQUENCES = ("seq", "sequence", "sequence number", "seq no", "f cnt")


@dataclass(frozen=True, slots=True)
class Read:
    """A model that was read from a JSON Schema, and sentences about what could not be carried over."""

    spec: ModelSpec
    description: str
    notes: list[str]


class Settings(msgspec.Struct, rename=lambda name: f"x-{name.replace('_', '-')}"):
    """Our own keywords of a whole document; see `validation.json_schema`."""

    topic_filter: str | None = None
    device_level: int | None = None
    time_source: str = "payload"
    time_unit: TimeUnit = "s"
    unknown: str = ""
    any_of: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    past_s: float = FIFTEEN_YEARS_S
    ahead_s: float = TEN_MINUTES_S
    retention_days: int | None = None
    rollup_1m_days: int | None = None
    rollup_1h_days: int | None = None
    rollup_1d_days: int | None = None
    register_devices: bool = True
    order: tuple[str, ...] = ()


def to_schema(spec: ModelSpec, description: str = "") -> dict[str, Any]:
    """Return a model as JSON Schema, with what that cannot say in keywords of our own."""
    return json_schema(spec) | ({"description": description} if description else {})


def from_schema(document: Any, name: str = "", topic_filter: str = "") -> ModelSpec:
    """Return the model that comes nearest to a JSON Schema; see `read_schema`, which also says what is lost."""
    return read_schema(document, name, topic_filter).spec


def read_schema(document: Any, name: str = "", topic_filter: str = "") -> Read:
    """Return the model that comes nearest to a JSON Schema, and what is lost.

    Name and topic filter are those of the document unless they are given. Raises ValidationError, with sentences for
    people, when the document is none, or says nothing that a model could take over.
    """
    settings = _settings(document)
    own = settings.topic_filter is not None
    walk = Walk(document)
    values = list(walk.values())
    pattern = topic_filter or settings.topic_filter
    if not pattern:
        raise ValidationError("The schema does not say for which topics the model is: give a topic filter.")
    time, sequence, device = _roles(values, pattern, own=own)
    rest = [value for value in values if value not in (time, sequence, device)]
    fields = _fields(rest, walk, settings, own=own)
    spec = ModelSpec(
        name=_name(name or document.get("title"), own=own),
        topic_filter=pattern,
        fields=tuple(fields),
        device_source="payload" if device else "topic",
        device_level=settings.device_level or 1,
        device_key=text_of(device.keys) if device else "device_id",
        time_source="payload" if time else "receipt",
        time_key=text_of(time.keys) if time else "timestamp",
        time_unit=settings.time_unit if own else _unit_of_time(time, walk),
        sequence_key=text_of(sequence.keys) if sequence else "",
        unknown="reject" if walk.closed else "keep" if settings.unknown == "keep" else "ignore",
        any_of=settings.any_of or _any_of(document, fields, walk),
        rules=settings.rules,
        past_s=settings.past_s,
        ahead_s=settings.ahead_s,
        retention_days=settings.retention_days,
        rollup_1m_days=settings.rollup_1m_days,
        rollup_1h_days=settings.rollup_1h_days,
        rollup_1d_days=settings.rollup_1d_days,
        register_devices=settings.register_devices,
    )
    description = document.get("description")
    return Read(spec, description.replace("\0", "") if isinstance(description, str) else "", walk.notes)


def _settings(document: Any) -> Settings:
    if not isinstance(document, dict):
        raise ValidationError("A JSON Schema of a model is a JSON object.")
    try:
        return msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        raise ValidationError(f"The schema cannot be read: {error}.") from error


def _name(given: Any, *, own: bool) -> str:
    if isinstance(given, str) and (own or MODEL_NAME.fullmatch(given)):
        return given
    return model_name((given,)) if isinstance(given, str) and given.strip() else model_name(())


def _roles(values: Sequence[Value], pattern: str, *, own: bool) -> tuple[Value | None, Value | None, Value | None]:
    """Return what is time, sequence and device: as it is marked in our own documents, else as it is named."""
    if own:
        marked = {value.schema["x-role"]: value for value in values if isinstance(value.schema.get("x-role"), str)}
        return marked.get("time"), marked.get("sequence"), marked.get("device")
    time = _named(values, NAMES, lambda value: value.required and _is_time(value))
    sequence = _named(values, SEQUENCES, lambda value: value.types == {"integer"})
    by_topic = "+" in pattern.split("/")
    device = _named(values, DEVICE_KEYS[:CLEAR], lambda value: value.required and value.types == {"string"})
    return time, sequence, None if by_topic else device


def _named(values: Iterable[Value], names: Sequence[str], fits: Any) -> Value | None:
    """Return the outermost value that has the first of some names, and fits."""
    ranked = [
        (len(value.keys), names.index(name), place, value)
        for place, value in enumerate(values)
        if (name := " ".join(words_of(value.keys[-1]))) in names and fits(value)
    ]
    return min(ranked, key=lambda item: item[:3])[3] if ranked else None


def _is_time(value: Value) -> bool:
    if value.types == {"string"}:
        return value.schema.get("format") in ("date-time", "datetime")
    return bool(value.types) and value.types <= {"number", "integer", "string"}


def _unit_of_time(time: Value | None, walk: Walk) -> TimeUnit:
    """Return what the time of a foreign document counts."""
    if time is None:
        walk.note("No time that must be there is named, so the moment of receipt is taken.")
        return "s"
    if time.types == {"string"}:
        return "s"
    said = " ".join(str(time.schema.get(key, "")) for key in ("x-unit", "unit", "units", "description")).lower()
    for unit, words in {"ms": ("milli", "ms"), "us": ("micro", "us"), "ns": ("nano", "ns")}.items():
        if words[0] in said or words[1] in said.split():
            return next(known for known in TIME_UNITS if known == unit)
    walk.note(f"`{text_of(time.keys)}` is taken for seconds since 1970; change the time unit when it is not.")
    return "s"


def _fields(values: Sequence[Value], walk: Walk, settings: Settings, *, own: bool) -> list[FieldSpec]:
    points = _points(values, own=own)
    second = {id(longitude) for _, longitude in points.values()}
    fields: list[FieldSpec] = []
    taken: set[str] = set()
    for value in values:
        if id(value) in second:
            continue
        pair = points.get(id(value))
        field = _point(*pair, walk, taken, own=own) if pair else field_of(value, walk, taken, own=own)
        if field is not None:
            taken.add(field.name)
            fields.append(field)
    if len(fields) > MAX_FIELDS:
        walk.note(f"Only the first {MAX_FIELDS} of {len(fields):,} fields were taken.")
    order = {name: place for place, name in enumerate(settings.order)}
    return sorted(fields[:MAX_FIELDS], key=lambda field: order.get(field.name, len(order)))


def _points(values: Sequence[Value], *, own: bool) -> dict[int, tuple[Value, Value]]:
    """Return latitudes and longitudes that are points, by the identity of the latitude."""
    found: dict[str, dict[str, Value]] = {}
    for value in values:
        key, group = value.keys[-1].lower(), "/".join(value.keys[:-1])
        axis = "latitude" if key in LATITUDES else "longitude" if key in LONGITUDES else None
        is_half = bool(value.types) and value.types <= {"number", "integer"}
        if own:
            axis, group = value.schema.get("x-axis"), str(value.schema.get("x-name"))
            is_half = value.schema.get("x-kind") == "point"
        if is_half and axis in ("latitude", "longitude"):
            found.setdefault(group, {}).setdefault(axis, value)
    whole = [halves for halves in found.values() if len(halves) == 2]
    return {id(halves["latitude"]): (halves["latitude"], halves["longitude"]) for halves in whole}


def _point(latitude: Value, longitude: Value, walk: Walk, taken: set[str], *, own: bool) -> FieldSpec:
    above = latitude.keys[:-1]
    together = above and (*above, "lat") == latitude.keys and (*above, "lon") == longitude.keys
    path = text_of(above) if together else f"{text_of(latitude.keys)},{text_of(longitude.keys)}"
    named = latitude if own else Value(above or ("position",), {}, frozenset(), required=False)
    name = name_of(named, taken, own=own)
    half = field_of(Value(latitude.keys, latitude.schema, frozenset(("number",)), required=False), walk, (), own=own)
    told = FieldSpec(name=name, kind="point") if half is None else half
    return FieldSpec(
        name=name,
        kind="point",
        path="" if path == name else path,
        label=told.label,
        description=told.description,
        unit=told.unit if own else "",
        required=latitude.required and longitude.required,
    )


def _any_of(document: dict[str, Any], fields: Sequence[FieldSpec], walk: Walk) -> tuple[str, ...]:
    """Return the fields of which a foreign document wants at least one: anyOf with one required name each."""
    choices = document.get("anyOf")
    if not isinstance(choices, list):
        return ()
    by_path = {field.path or field.name: field.name for field in fields}
    names = []
    for choice in choices:
        wanted = choice.get("required") if isinstance(choice, dict) else None
        if not isinstance(wanted, list) or len(wanted) != 1 or wanted[0] not in by_path:
            walk.note("`anyOf` of the reading as a whole is not carried over.")
            return ()
        names.append(by_path[wanted[0]])
    return tuple(dict.fromkeys(names))
