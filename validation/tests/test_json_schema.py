"""A data model written down as JSON Schema."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from validation.json_schema import json_schema
from validation.samples import VEHICLE
from validation.spec import FieldSpec, ModelSpec, Rule

TRACKER = ModelSpec(
    name="tracker",
    topic_filter="trackers/+/+",
    fields=(
        FieldSpec(name="gps", kind="point", required=True, label="Where it is", description="WGS 84"),
        FieldSpec(name="altitude", kind="number", path="gps.alt", unit="m"),
        FieldSpec(name="plate", kind="text", path="/car.info/plate", pattern="^[A-Z]", description="As on the car"),
        FieldSpec(name="gear", kind="choice", choices=("R", "D")),
        FieldSpec(name="seen", kind="timestamp", unit="ms"),
    ),
    device_level=2,
    time_key="meta.ts",
    time_unit="ms",
    sequence_key="",
    unknown="reject",
    any_of=("gear", "seen"),
    rules=(Rule("altitude > 0", "Under water"),),
    ahead_s=5.0,
    retention_days=30,
    register_devices=False,
)


def test_the_schema_carries_labels_and_units() -> None:
    assert json_schema(VEHICLE)["properties"]["speed"] == {
        "type": ["number"],
        "minimum": 0,
        "maximum": 250,
        "x-label": "Speed",
        "x-unit": "km/h",
    }


def test_everything_a_model_says_stands_in_its_schema() -> None:
    latitude = {"type": ["number"], "minimum": -90, "maximum": 90, "x-name": "gps", "x-kind": "point"}
    longitude = latitude | {"minimum": -180, "maximum": 180}
    expected: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tracker",
        "type": "object",
        "properties": {
            "meta": {
                "type": "object",
                "properties": {"ts": {"type": ["number", "string"], "x-role": "time"}},
                "required": ["ts"],
                "additionalProperties": False,
            },
            "gps": {
                "type": "object",
                "properties": {
                    "lat": latitude | {"x-axis": "latitude", "x-label": "Where it is", "description": "WGS 84"},
                    "lon": longitude | {"x-axis": "longitude"},
                    "alt": {"type": ["number", "null"], "x-name": "altitude", "x-unit": "m"},
                },
                "required": ["lat", "lon"],
                "additionalProperties": False,
            },
            "car.info": {
                "type": ["object", "null"],
                "properties": {
                    "plate": {
                        "type": ["string", "null"],
                        "maxLength": 1000,
                        "pattern": "^[A-Z]",
                        "description": "As on the car",
                    }
                },
                "required": [],
                "additionalProperties": False,
            },
            "gear": {"type": ["string", "null"], "enum": ["R", "D", None]},
            "seen": {"type": ["number", "string", "null"], "x-kind": "timestamp", "x-unit": "ms"},
        },
        "required": ["meta", "gps"],
        "additionalProperties": False,
        "x-topic-filter": "trackers/+/+",
        "x-device-level": 2,
        "x-time-unit": "ms",
        "x-any-of": ["gear", "seen"],
        "x-rules": [{"expression": "altitude > 0", "message": "Under water"}],
        "x-ahead-s": 5.0,
        "x-retention-days": 30,
        "x-register-devices": False,
        "x-order": ["gps", "altitude", "plate", "gear", "seen"],
    }
    schema = json_schema(TRACKER)
    assert schema == expected
    assert jsonschema_rs.meta.is_valid(schema)


def test_what_is_as_by_default_is_not_written_down() -> None:
    plain = ModelSpec(name="m", topic_filter="m/+", fields=(FieldSpec(name="a", kind="boolean"),))
    assert {key: value for key, value in json_schema(plain).items() if key.startswith("x-")} == {
        "x-topic-filter": "m/+",
        "x-device-level": 1,
        "x-order": ["a"],
    }
