"""Write a data model down as JSON Schema (2020-12): what explains faults, and what people and programs exchange.

Standard keywords say all that JSON Schema can say: `properties` and `required` at every level, `type`, `minimum`,
`maximum`, `maxLength`, `pattern`, `enum`, `description`, and `additionalProperties: false` for a model that rejects
unknown keys. Our own say the rest, enough to read the model back. What equals its default is left out.

Of the model, at the root:

    x-topic-filter      the topics that it is for
    x-device-level      which wildcard of the filter names the device; absent when the payload does
    x-time-source       "receipt" when no time is read from the payload
    x-time-unit         what a time that is a number counts: ms, us or ns
    x-unknown           "keep" when unknown keys are stored
    x-any-of            fields of which at least one must be present
    x-rules             conditions across fields, each {"expression": CEL, "message": text}
    x-past-s, x-ahead-s how old and how far ahead of receipt a reading may be, in seconds
    x-retention-days    how long readings are kept
    x-register-devices  false when unknown devices are refused
    x-order             the names of the fields in their order

Of a value:

    x-role              "time", "sequence" or "device" of the values that are no fields
    x-name              the name of the field where it differs from the key; always there for a point
    x-kind              "timestamp" or "point", which JSON Schema has no type for
    x-axis              "latitude" or "longitude" of the two values of a point; label and description are the first's
    x-label, x-unit     what people call it, and its unit (UCUM); of a timestamp what a number counts

A value that may be missing may be null as well, and so may an object that holds no value that must be there.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.names import DEVICE_NAME
from validation.leaves import Leaf, Tree, is_required, leaves, tree
from validation.spec import MAX_INTEGER, MAX_TEXT, FieldSpec, ModelSpec, limits_of

DEVICE_SCHEMA = rf"^{DEVICE_NAME}$"
TYPES = {
    "number": ["number"],
    "integer": ["integer"],
    "boolean": ["boolean"],
    "text": ["string"],
    "choice": ["string"],
    "timestamp": ["number", "string"],
}
# Settings of a model that are written down where they are not what they are by default.
SETTINGS = {
    "x-time-source": "time_source",
    "x-time-unit": "time_unit",
    "x-any-of": "any_of",
    "x-rules": "rules",
    "x-past-s": "past_s",
    "x-ahead-s": "ahead_s",
    "x-retention-days": "retention_days",
    "x-rollup-1m-days": "rollup_1m_days",
    "x-rollup-1h-days": "rollup_1h_days",
    "x-rollup-1d-days": "rollup_1d_days",
    "x-register-devices": "register_devices",
}
KEYS: dict[str, dict[str, Any]] = {
    "t": {"type": ["number", "string"], "x-role": "time"},
    "s": {"type": ["integer", "null"], "minimum": 0, "maximum": MAX_INTEGER, "x-role": "sequence"},
    "d": {"type": "string", "pattern": DEVICE_SCHEMA, "x-role": "device"},
}


def json_schema(spec: ModelSpec) -> dict[str, Any]:
    """Return the JSON Schema of one reading of a model."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": spec.name,
        **_object(tree(leaves(spec)), reject=spec.unknown == "reject"),
        "type": "object",
        "x-topic-filter": spec.topic_filter,
        **({"x-device-level": spec.device_level} if spec.device_source == "topic" else {}),
        **({"x-unknown": "keep"} if spec.unknown == "keep" else {}),
        **_settings(spec),
        "x-order": [field.name for field in spec.fields],
    }


def _settings(spec: ModelSpec) -> dict[str, Any]:
    defaults = ModelSpec(name=spec.name, topic_filter=spec.topic_filter, fields=())
    found: dict[str, Any] = {}
    for word, setting in SETTINGS.items():
        value = getattr(spec, setting)
        if value != getattr(defaults, setting):
            found[word] = [msgspec.to_builtins(item) for item in value] if isinstance(value, tuple) else value
    return found


def _object(node: Tree, *, reject: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object" if is_required(node) else ["object", "null"], "properties": {}}
    for key, item in node.items():
        schema["properties"][key] = _value(item) if isinstance(item, Leaf) else _object(item, reject=reject)
    schema["required"] = [key for key, item in node.items() if is_required(item)]
    return schema | ({"additionalProperties": False} if reject else {})


def _value(leaf: Leaf) -> dict[str, Any]:
    field = leaf.field
    if field is None:
        return dict(KEYS[leaf.attribute])
    schema = _type_of(leaf, field)
    if leaf.axis == "longitude":
        return schema
    schema |= {"x-label": field.label} if field.label else {}
    schema |= {"description": field.description} if field.description else {}
    return schema | ({"x-unit": field.unit} if field.unit else {})


def _type_of(leaf: Leaf, field: FieldSpec) -> dict[str, Any]:
    null = [] if field.required else ["null"]
    if leaf.axis is not None:
        plain = {"type": ["number", *null], "minimum": -leaf.limit, "maximum": leaf.limit}
        return plain | {"x-name": field.name, "x-kind": "point", "x-axis": leaf.axis}
    schema: dict[str, Any] = {"type": [*TYPES[field.kind], *null]}
    if field.kind in ("number", "integer"):
        low, high = limits_of(field)
        schema |= {"minimum": low} if low is not None else {}
        schema |= {"maximum": high} if high is not None else {}
    elif field.kind == "text":
        schema["maxLength"] = field.max_length or MAX_TEXT
        schema |= {"pattern": field.pattern} if field.pattern else {}
    elif field.kind == "choice":
        schema["enum"] = [*field.choices, *([] if field.required else [None])]
    else:
        schema |= {"x-kind": "timestamp"} if field.kind == "timestamp" else {}
    return schema | ({"x-name": field.name} if field.name != leaf.parts[-1] else {})


def bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of the same meaning that looks for a pattern only in a text that is short enough.

    The time to find a pattern grows with the text, and a validator checks every keyword of a text that is too long.
    """
    if "properties" in schema:
        return schema | {"properties": {key: bounded(below) for key, below in schema["properties"].items()}}
    if "pattern" not in schema or "maxLength" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "pattern"}
    return rest | {"if": {"maxLength": schema["maxLength"]}, "then": {"pattern": schema["pattern"]}}
