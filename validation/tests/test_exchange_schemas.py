"""JSON Schema out and in: what we write comes back equal, and of what others write the nearest model is made."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import orjson
import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.exchange import from_schema, read_schema, templates, to_schema
from validation.paths import parts, text_of
from validation.samples import SENSOR, VEHICLE
from validation.schema import compile_model
from validation.spec import FieldSpec, ModelSpec, faults_of_limits, faults_of_names, limits_of, paths_of
from validation.tests.generated import specs


def plain(spec: ModelSpec) -> ModelSpec:
    """Return a model without the settings that say nothing: limits of a text, a device path beside a topic's level."""
    usual = ModelSpec(name="", topic_filter="", fields=())
    unused = ["device_level"] if spec.device_source == "payload" else ["device_key"]
    unused += ["time_key"] if spec.time_source == "receipt" else []
    places = {
        name: text_of(parts(path))
        for name in ("device_key", "time_key", "sequence_key")
        if (path := getattr(spec, name))
    }
    changes = places | {name: getattr(usual, name) for name in unused}
    return msgspec.structs.replace(spec, fields=tuple(map(plain_field, spec.fields)), **changes)


def plain_field(field: FieldSpec) -> FieldSpec:
    path = ",".join(text_of(parts(path)) for path in paths_of(field))
    if field.kind == "point":
        latitude, longitude = (parts(path) for path in paths_of(field))
        together = latitude[:-1] == longitude[:-1] != () and (latitude[-1], longitude[-1]) == ("lat", "lon")
        path = text_of(latitude[:-1]) if together else path
    low, high = limits_of(field) if field.kind == "integer" else (field.minimum, field.maximum)
    is_number = field.kind in ("number", "integer")
    if field.kind == "integer":  # limits that its column sets anyway are written down
        low, high = float(low or 0), float(high or 0)
    return msgspec.structs.replace(
        field,
        path="" if path == field.name else path,
        minimum=low if is_number else None,
        maximum=high if is_number else None,
        choices=field.choices if field.kind == "choice" else (),
        max_length=field.max_length if field.kind == "text" and field.max_length != 1_000 else None,
        pattern=field.pattern if field.kind == "text" else "",
    )


@pytest.mark.parametrize("spec", [VEHICLE, SENSOR, *(item.spec for item in templates().values())], ids=lambda s: s.name)
def test_a_model_that_is_written_and_read_is_the_same_model(spec: ModelSpec) -> None:
    back = read_schema(orjson.loads(orjson.dumps(to_schema(spec, "What it is."))))
    assert plain(back.spec) == plain(spec)
    assert (back.notes, back.description) == ([], "What it is.")


@settings(max_examples=40)
@given(specs())
def test_any_model_that_is_written_and_read_is_the_same_model(spec: ModelSpec) -> None:
    document = orjson.loads(orjson.dumps(to_schema(spec)))
    back = from_schema(document)
    assert to_schema(back) == document
    assert plain(back) == plain(spec)


def foreign() -> dict[str, Any]:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://example.com/pump",
        "title": "Pump reading",
        "description": "What a pump sends.",
        "type": "object",
        "required": ["pumpId", "timestamp", "flow", "motor"],
        "additionalProperties": False,
        "$defs": {"celsius": {"type": "number", "minimum": -40, "unit": "°C"}},
        "properties": {
            "pumpId": {"type": "string"},
            "timestamp": {"type": "integer", "description": "Milliseconds since 1970."},
            "seq": {"type": "integer"},
            "flow": {"type": "number", "exclusiveMinimum": 0, "maximum": 90.5, "units": "l/min", "title": "Flow rate"},
            "starts": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
            "mode": {"enum": ["auto", "hand"]},
            "site": {"const": "north"},
            "note": {"type": ["string", "null"], "maxLength": 80, "minLength": 2, "pattern": "^[A-Z]"},
            "checked": {"type": "string", "format": "date-time"},
            "levels": {"type": "array", "items": {"type": "number"}},
            "motor": {
                "type": "object",
                "required": ["temperature"],
                "properties": {
                    "temperature": {"$ref": "#/$defs/celsius"},
                    "on": {"anyOf": [{"type": "boolean"}, {"type": "null"}]},
                },
            },
            "gps": {"type": "object", "properties": {"lat": {"type": "number"}, "lon": {"type": "number"}}},
        },
        "if": {"properties": {"mode": {"const": "auto"}}},
    }


def test_a_foreign_schema_becomes_the_nearest_model() -> None:
    back = read_schema(foreign(), topic_filter="pumps/all")
    spec = back.spec
    assert (spec.name, spec.topic_filter, back.description) == ("pump_reading", "pumps/all", "What a pump sends.")
    assert (spec.time_source, spec.time_key, spec.time_unit) == ("payload", "timestamp", "ms")
    assert (spec.sequence_key, spec.unknown) == ("seq", "reject")
    assert spec.fields == (
        FieldSpec(name="pump_id", kind="text", path="pumpId", required=True),
        FieldSpec(name="flow", kind="number", label="Flow rate", unit="l/min", required=True, minimum=0, maximum=90.5),
        FieldSpec(name="starts", kind="integer", minimum=1, maximum=99),
        FieldSpec(name="mode", kind="choice", choices=("auto", "hand")),
        FieldSpec(name="site", kind="choice", choices=("north",)),
        FieldSpec(name="note", kind="text", max_length=80, pattern="^[A-Z]"),
        FieldSpec(name="checked", kind="timestamp"),
        FieldSpec(
            name="motor_temperature", kind="number", path="motor.temperature", unit="Cel", required=True, minimum=-40
        ),
        FieldSpec(name="motor_on", kind="boolean", path="motor.on"),
        FieldSpec(name="gps", kind="point"),
    )
    assert back.notes == [
        "`if` of the reading as a whole is not carried over.",
        "The limits of `flow` are exclusive in the schema; here they are among what passes.",
        "`minLength` of `note` is not carried over.",
        "`levels` is left out: an array, or an object of unknown keys, is no field.",
        "The unit '°C' of `motor.temperature` became 'Cel'.",
    ]
    compile_model(spec, 1)


def test_where_a_foreign_schema_names_a_device_it_is_the_device_unless_the_topic_is() -> None:
    document = {
        "properties": {"device_id": {"type": "string"}, "a": {"type": "number"}},
        "required": ["device_id"],
        "anyOf": [{"required": ["a"]}],
    }
    by_payload, by_topic = from_schema(document, "x", "all"), from_schema(document, "x", "all/+")
    assert (by_payload.device_source, by_payload.device_key) == ("payload", "device_id")
    assert (by_topic.device_source, [field.name for field in by_topic.fields]) == ("topic", ["device_id_value", "a"])
    assert by_payload.any_of == ("a",)


LOOP = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "properties": {"x": {"$ref": "#/$defs/a"}}}
DEEP: dict[str, Any] = {"type": "number"}
for _ in range(40):
    DEEP = {"type": "object", "properties": {"a": DEEP}}


@pytest.mark.parametrize(
    "document",
    [
        None, [], "x", 5, {}, {"properties": 5}, {"properties": {}, "x-rules": 5}, {"x-topic-filter": 5},
        {"properties": {"a": {}}, "x-topic-filter": "a", "x-past-s": "long"}, {"$ref": "#"}, {"$ref": "https://x/y"},
    ],
)  # fmt: skip
def test_what_is_no_schema_of_a_model_is_refused_in_a_sentence(document: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        read_schema(document, "x", "x/+")
    assert all(message.endswith(".") for message in refused.value.messages)


@pytest.mark.parametrize(
    "document",
    [
        LOOP,
        DEEP,
        {"properties": {f"k{n}": {"type": "number"} for n in range(20_000)}},
        {"properties": {"a": {"allOf": [{"allOf": [{"allOf": 5}]}] * 50}, "b": True, "c": {"type": 5}, "": {}}},
        {"properties": {"a": {"type": "string", "pattern": "(a+)+$" * 2_000}}},
        {"properties": {"a": {"enum": [{}, [], 1, None, "x"]}, "b": {"enum": []}, "c": {"minimum": 1e999}}},
        {"properties": {'a"b': {"type": "number"}, "a\0b": {"type": "number"}, "x" * 200: {"type": "number"}}},
    ],
    ids=["loop", "deep", "wide", "odd", "pattern", "values", "keys"],
)
def test_a_hostile_schema_is_read_in_time_and_gives_a_sound_model(document: dict[str, Any]) -> None:
    started = time.perf_counter()
    back = read_schema(document, "x", "x/+")
    assert time.perf_counter() - started < 1
    assert faults_of_names(back.spec) + faults_of_limits(back.spec) == []
    assert back.notes


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.sampled_from(["number", "string", "object", "a", "lat", "#/x"]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "properties", "required", "enum", "allOf", "anyOf", "$ref", "items", "a", "x-name"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        back = read_schema(document, "x", "x/+")
    except ValidationError:
        return
    assert faults_of_names(back.spec) + faults_of_limits(back.spec) == []
