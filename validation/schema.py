"""Compile a data model: msgspec decides fast whether a reading passes, JSON Schema explains why one does not.

Both are made from the same `ModelSpec`, and a property test holds them to the same verdict. Where msgspec alone is
stricter, JSON Schema is right, because it is what the people who write devices can read: 5.0 is an integer, and of two
equal keys the last one counts (`CompiledModel.read`). Numbers are compared as the doubles that the table holds, and
keys that the model does not name are ignored.

The names of fields never become Python names: the struct's own are f0, f1, …, and msgspec maps them to the payload's
keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
from msgspec import Meta

from ingest.names import DEVICE_NAME
from ingest.topics import wildcard_values
from validation.spec import MAX_INTEGER, MAX_TEXT, FieldSpec, ModelSpec, Reason, faults_of_limits, limits_of, pointer

# The end of a text is \\Z in Python, where $ also matches before a last newline, and $ in JSON Schema.
DEVICE_MSGSPEC, DEVICE_SCHEMA = rf"\A{DEVICE_NAME}\Z", rf"^{DEVICE_NAME}$"
JSON_TYPES = {
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "text": "string",
    "choice": "string",
}


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A published version, ready to judge. Struct attributes: `t` time, `s` sequence, `d` device, `f0` … fields."""

    spec: ModelSpec
    version: int
    struct: type[msgspec.Struct]
    decoder: msgspec.json.Decoder[Any]
    schema: dict[str, Any]
    validator: Any
    integers: frozenset[str]  # keys whose values are integers
    measured: Callable[[Any], tuple[Any, ...]] | None  # the values of which at least one must be there
    timestamps: tuple[tuple[str, str], ...]  # attribute and key of each field that is a time

    def device_of_topic(self, topic: str) -> str:
        """Return the part of a topic that the filter's first wildcard stands for."""
        values = wildcard_values(self.spec.topic_filter, topic)
        return values[0] if values else ""

    def read(self, value: Any) -> tuple[Any, list[Reason]]:
        """Return the reading that a decoded JSON value is and no reasons, or None and its faults by place."""
        try:
            return msgspec.convert(value, self.struct), []
        except msgspec.ValidationError:
            faults = sorted(map(_reason, self.validator.iter_errors(value)), key=lambda reason: reason.path)
        if faults:
            return None, faults
        try:
            return msgspec.convert(self._with_integers(value), self.struct), []
        except msgspec.ValidationError as error:
            return None, [Reason("not_accepted", "", str(error))]

    def _with_integers(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return a reading that fits the schema with 5 where it has 5.0 for an integer."""
        return {key: int(item) if key in self.integers and item is not None else item for key, item in value.items()}


def compile_model(spec: ModelSpec, version: int) -> CompiledModel:
    """Compile a version of a model. Costs some milliseconds; the result is for keeping.

    Raises ValueError, with sentences for people, when no reading could be judged by it.
    """
    faults = faults_of_limits(spec)
    if faults:
        raise ValueError(" ".join(faults))
    struct = msgspec.defstruct("Reading", list(_members(spec)), rename=_keys(spec), gc=False)
    schema = json_schema(spec)
    return CompiledModel(
        spec=spec,
        version=version,
        struct=struct,
        decoder=msgspec.json.Decoder(struct),
        schema=schema,
        validator=jsonschema_rs.Draft202012Validator(schema),
        integers=frozenset([spec.sequence_key, *(field.name for field in spec.fields if field.kind == "integer")]),
        measured=_measured(spec),
        timestamps=tuple((f"f{n}", f.name) for n, f in enumerate(spec.fields) if f.kind == "timestamp"),
    )


def _measured(spec: ModelSpec) -> Callable[[Any], tuple[Any, ...]] | None:
    names = [f"f{n}" for n, field in enumerate(spec.fields) if field.name in spec.any_of]
    # One name twice still gives a tuple, which attrgetter does not for a single name.
    return attrgetter(names[0], *names) if names else None


def json_schema(spec: ModelSpec) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of one reading, with labels and units as `x-label` and `x-unit`."""
    properties: dict[str, Any] = {spec.time_key: {"type": ["number", "string"]}}
    required = [spec.time_key]
    if spec.sequence_key:
        properties[spec.sequence_key] = {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_INTEGER}
    if spec.device_source == "payload":
        properties[spec.device_key] = {"type": "string", "pattern": DEVICE_SCHEMA}
        required.append(spec.device_key)
    for field in spec.fields:
        properties[field.name] = _field_schema(field)
        if field.required:
            required.append(field.name)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": spec.name,
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _field_schema(field: FieldSpec) -> dict[str, Any]:
    if field.kind == "timestamp":
        kinds: list[str] = ["number", "string"]
    else:
        kinds = [JSON_TYPES[field.kind]]
    schema: dict[str, Any] = {"type": kinds if field.required else [*kinds, "null"]}
    if field.kind in ("number", "integer"):
        low, high = limits_of(field)
        schema |= {"minimum": low} if low is not None else {}
        schema |= {"maximum": high} if high is not None else {}
    elif field.kind == "text":
        schema["maxLength"] = field.max_length or MAX_TEXT
    elif field.kind == "choice":
        schema["enum"] = list(field.choices) if field.required else [*field.choices, None]
    schema |= {"x-label": field.label} if field.label else {}
    schema |= {"x-unit": field.unit} if field.unit else {}
    return schema


def _field_type(field: FieldSpec) -> Any:
    if field.kind in ("number", "integer"):
        low, high = limits_of(field)
        number = int if field.kind == "integer" else float
        plain: Any = Annotated[number, Meta(ge=low, le=high)]
    elif field.kind == "boolean":
        plain = bool
    elif field.kind == "text":
        plain = Annotated[str, Meta(max_length=field.max_length or MAX_TEXT)]
    elif field.kind == "choice":
        plain = Literal[field.choices]
    else:
        plain = float | str
    return plain if field.required else plain | None


def _members(spec: ModelSpec) -> Iterator[tuple[str, Any] | tuple[str, Any, Any]]:
    """Yield the struct's members, those that must be there first."""
    yield "t", float | str
    if spec.device_source == "payload":
        yield "d", Annotated[str, Meta(pattern=DEVICE_MSGSPEC)]
    optional: list[tuple[str, Any, Any]] = []
    for number, field in enumerate(spec.fields):
        if field.required:
            yield f"f{number}", _field_type(field)
        else:
            optional.append((f"f{number}", _field_type(field), None))
    if spec.sequence_key:
        optional.append(("s", Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None, None))
    yield from optional


def _keys(spec: ModelSpec) -> dict[str, str]:
    keys = {f"f{number}": field.name for number, field in enumerate(spec.fields)} | {"t": spec.time_key}
    keys |= {"s": spec.sequence_key} if spec.sequence_key else {}
    return keys | ({"d": spec.device_key} if spec.device_source == "payload" else {})


def _reason(error: Any) -> Reason:
    """Return a fault that JSON Schema found, with the rule's name as its code."""
    return Reason(code=str(error.schema_path[-1]), path=pointer(*error.instance_path), detail=error.message[:500])
