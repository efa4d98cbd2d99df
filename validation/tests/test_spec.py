"""What may be written into a model: its names, paths, limits, patterns and rules."""

from __future__ import annotations

from typing import Any

import pytest

from validation.samples import VEHICLE
from validation.schema import compile_model
from validation.spec import (
    OWN_COLUMNS,
    SYSTEM_COLUMNS,
    FieldSpec,
    ModelSpec,
    Rule,
    faults_of_limits,
    faults_of_names,
    faults_of_source,
)


def model_with(*fields: FieldSpec, **changes: Any) -> ModelSpec:
    return ModelSpec(**{"name": "m", "topic_filter": "m/+", "fields": fields, **changes})


def number(name: str = "a", **changes: Any) -> FieldSpec:
    return FieldSpec(**{"name": name, "kind": "number", **changes})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (model_with(number(minimum=2, maximum=1)), "between the limits"),
        (model_with(number(kind="integer", minimum=0.2, maximum=0.8)), "between the limits"),
        (model_with(number(kind="integer", minimum=1e19)), "between the limits"),
        (model_with(number(minimum=float("nan"))), "not a number"),
        (model_with(number(kind="integer", maximum=float("inf"))), "not a number"),
        (model_with(number(kind="choice")), "names none"),
        (model_with(number(kind="text", max_length=0)), "no room"),
        (model_with(number(kind="text", pattern="(?=a)")), "looks around"),
        (model_with(number(kind="text", pattern="a", max_length=1_001)), "1,000 characters long at most"),
        (model_with(number(kind="timestamp", unit="min")), "only s, ms, us, ns"),
        (model_with(past_s=-1), "hundred years"),
        (model_with(past_s=float("nan")), "hundred years"),
        (model_with(ahead_s=1e12), "hundred years"),
        (model_with(retention_days=0), "at least a day"),
        (model_with(number(), any_of=("b",)), "'b' is none of them"),
        (model_with(number(), rules=(Rule("a > "),)), "The rule 'a > ' cannot be used: Syntax error"),
        (model_with(number(), rules=(Rule("b > 1"),)), "names 0 fields"),
        (model_with(number(), rules=(Rule("a > 1"),) * 21), "21 rules"),
        (model_with(*[number(f"f{n}") for n in range(501)]), "501 fields"),
    ],
)
def test_a_model_that_no_reading_could_meet_is_refused_in_words(spec: ModelSpec, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compile_model(spec, 1)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (model_with(name="Vehicle"), "must be a-z"),
        (model_with(name="v" * 49), "must be a-z"),
        (model_with(name='v"; DROP TABLE x'), "must be a-z"),
        (model_with(name="v\u0435hicle"), "must be a-z"),  # a Cyrillic e
        (model_with(name="vehicle_p20250101"), "daily partition"),
        (model_with(time_key=""), "1 to 63 characters"),
        (model_with(time_key='a"b'), "1 to 63 characters"),
        (model_with(sequence_key="a\nb"), "1 to 63 characters"),
        (model_with(sequence_key="timestamp"), "used twice"),
        (model_with(device_source="payload", device_key="seq"), "used twice"),
        (model_with(device_source="payload", device_key="timestamp.id"), "both a value and an object"),
        (model_with(number("seq")), "every table has"),
        (model_with(number("timestamp")), "used twice"),
        (model_with(number(), number(kind="text")), "used twice"),
        (model_with(number(), number("b", path="/a")), "used twice"),
        (model_with(number("gps"), number("b", path="gps.lat")), "'gps' would be both a value and an object"),
        (model_with(number("gps", kind="point"), number("b", path="gps.lat")), "used twice"),
        (model_with(number(path="meta.timestamp.x"), time_key="meta.timestamp"), "both a value and an object"),
        (model_with(number(path="a..b")), "1 to 63 characters"),
        (model_with(number(path=".".join("abcdefghi"))), "9 levels"),
        (model_with(number("gps", kind="point", path="a, b, c")), "has more"),
        (model_with(number("speed__integer")), "was an integer"),
        (model_with(number("a b")), "must be a-z"),
        (model_with(number("a\n")), "must be a-z"),
        (model_with(number("sp\u0435ed")), "must be a-z"),  # a Cyrillic e
        (model_with(number("\uff53peed")), "must be a-z"),  # a full-width s
        (model_with(number("ſpeed")), "must be a-z"),  # a long s, which lower case makes an s
        (model_with(number("speed\u200b")), "must be a-z"),
        (model_with(number('a"b')), "must be a-z"),
        (model_with(number("a'b")), "must be a-z"),
        (model_with(number("a;b--")), "must be a-z"),
        (model_with(number("a%s")), "must be a-z"),
        (model_with(number("x" * 64)), "must be a-z"),
        *((model_with(number(name)), "every table has") for name in OWN_COLUMNS),
        *((model_with(number(name)), "every table has") for name in SYSTEM_COLUMNS),
    ],
)
def test_a_name_that_cannot_become_a_table_is_refused_in_words(spec: ModelSpec, words: str) -> None:
    (fault,) = faults_of_names(spec)
    assert words in fault


@pytest.mark.parametrize(
    "spec",
    [
        VEHICLE,
        model_with(sequence_key=""),
        model_with(number("device_id_"), number("select", kind="text")),
        model_with(number("x" * 63), time_key="Zeit (ü)", name="v" * 48),
        model_with(number("timestamp"), time_source="receipt"),
        model_with(number("alt", path="gps.alt"), number("gps", kind="point")),
        model_with(number("a", path="a'; DROP TABLE x; --")),
        model_with(number("a", path="/a.b"), number("b", path="a.b")),
    ],
)
def test_names_that_can_become_a_table_have_no_fault(spec: ModelSpec) -> None:
    assert faults_of_names(spec) == []
    assert faults_of_limits(spec) == []


@pytest.mark.parametrize(
    ("topic_filter", "level", "words"),
    [
        ("vehicles/+/telemetry", 1, None),
        ("+/+/#", 3, None),
        ("vehicles/telemetry", 1, "take it from the payload"),
        ("vehicles/+/telemetry", 2, "wildcard 2 of 'vehicles/+/telemetry', which has 1"),
        ("vehicles/+/telemetry", 0, "wildcard 0"),
    ],
)
def test_a_device_must_be_named_by_a_wildcard_that_is_there(topic_filter: str, level: int, words: str | None) -> None:
    faults = faults_of_source(model_with(topic_filter=topic_filter, device_level=level))
    assert faults == [] if words is None else words in faults[0]
    assert faults_of_source(model_with(topic_filter="a", device_source="payload")) == []
