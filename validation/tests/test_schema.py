"""Two judges of one model, msgspec and JSON Schema, and that they agree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import orjson
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from validation.moments import microseconds
from validation.pipeline import Judgement
from validation.samples import VEHICLE
from validation.schema import compile_model, json_schema
from validation.spec import OWN_COLUMNS, SYSTEM_COLUMNS, FieldSpec, Kind, ModelSpec, faults_of_limits, faults_of_names
from validation.tests.judging import NOW, VEHICLE_TOPIC, catalog_of, codes, judged, vehicle

KINDS: tuple[Kind, ...] = ("number", "integer", "boolean", "text", "choice", "timestamp")
NAMES = [f"field_{number}" for number in range(4)] + ["select", "d", "t", "s", "f0"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
LIMITS = st.none() | st.sampled_from([-(2.0**63), -1.5, -0.5, 0.0, 0.5, 1.0, 250.0, 2.0**53, 2.0**63]) | DOUBLES
TIMES: st.SearchStrategy[Any] = st.one_of(
    st.floats(NOW - 1e4, NOW + 1e4),
    st.integers(int(NOW) - 10_000, int(NOW) + 10_000),
    st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
    st.sampled_from(["2025-10-09T08:53:20Z", "yesterday", NOW * 1e3, 0, 2**32]),
)
ANY: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 300),
    st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 2**70, 5.0, -0.0, 1e300, 2.0**63, [], {}, [1], "a"]),
    DOUBLES,
    DOUBLES.map(float.__round__).filter(lambda whole: abs(whole) < 2**80).map(float),
    TEXTS,
    TIMES,
)


@st.composite
def fields(draw: st.DrawFn, name: str) -> FieldSpec:
    return FieldSpec(
        name=name,
        kind=draw(st.sampled_from(KINDS)),
        required=draw(st.booleans()),
        minimum=draw(LIMITS),
        maximum=draw(LIMITS),
        choices=tuple(draw(st.lists(TEXTS | st.just("a"), min_size=1, max_size=3, unique=True))),
        max_length=draw(st.none() | st.integers(1, 9)),
        unit=draw(st.sampled_from(["", "km/h"])),
    )


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    return ModelSpec(
        name="vehicle",
        topic_filter="vehicles/+/telemetry",
        fields=tuple(draw(fields(name)) for name in names),
        device_source=draw(st.sampled_from(["topic", "payload"])),
        sequence_key=draw(st.sampled_from(["", "seq"])),
        time_key=draw(st.sampled_from(["timestamp", "Zeit ü/~"])),
        any_of=tuple(draw(st.lists(st.sampled_from(names), unique=True))),
    )


@st.composite
def readings(draw: st.DrawFn, spec: ModelSpec) -> dict[str, Any]:
    """A reading whose every key is mostly there and mostly right."""
    reading: dict[str, Any] = {spec.time_key: draw(TIMES)}
    if draw(st.booleans()):
        reading["device_id"] = draw(st.sampled_from(["sensor_001", "a:b", "a+b", "x" * 64, "x" * 65, "", 5]))
    if draw(st.booleans()):
        reading["seq"] = draw(st.none() | st.integers(-1, 9) | ANY)
    for field in spec.fields:
        if field.required or draw(st.booleans()):
            reading[field.name] = draw(_value(field))
    if draw(st.booleans()):
        reading[draw(st.sampled_from(["unknown", "ü", *reading]))] = draw(ANY)
    return reading


def _value(field: FieldSpec) -> st.SearchStrategy[Any]:
    limits = st.sampled_from([limit for limit in (field.minimum, field.maximum, 1.0) if limit is not None])
    right: dict[Kind, st.SearchStrategy[Any]] = {
        "number": limits | DOUBLES,
        "integer": limits.map(round) | limits | st.integers(-10, 300),
        "boolean": st.booleans(),
        "text": TEXTS,
        "choice": st.sampled_from(field.choices),
        "timestamp": TIMES,
    }
    return right[field.kind] | right[field.kind] | ANY


def by_schema(spec: ModelSpec, payload: bytes) -> bool:
    """Say whether a reading passes: the JSON Schema, and the rules that no schema can say, in plain words."""
    reading = orjson.loads(payload)
    for field in spec.fields:  # numbers are compared as the doubles that the table holds
        if field.kind == "number" and type(reading.get(field.name)) is int:
            reading[field.name] = float(reading[field.name])
    if not jsonschema_rs.is_valid(json_schema(spec), reading) or rb"\u0000" in payload:
        return False
    micros = microseconds(reading[spec.time_key])
    if micros is None or not -spec.ahead_s <= NOW - micros / 1e6 <= spec.past_s:
        return False
    present = [field for field in spec.fields if reading.get(field.name) is not None]
    if spec.any_of and not any(field.name in spec.any_of for field in present):
        return False
    return all(microseconds(reading[field.name]) is not None for field in present if field.kind == "timestamp")


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_msgspec_and_json_schema_agree_on_any_reading_of_any_model(data: st.DataObject) -> None:
    spec = data.draw(specs())
    assume(not faults_of_limits(spec))
    catalog = catalog_of(spec)
    for _ in range(3):
        reading = data.draw(readings(spec))
        payload = orjson.dumps(_without_huge_integers(reading))
        judgement = judged(catalog, VEHICLE_TOPIC, payload)
        assert bool(judgement.rows) == by_schema(spec, payload), (payload, codes(judgement))
        assert all(reason.code and reason.detail for item in judgement.rejected for reason in item.reasons)
        assert all(item and "not_accepted" not in item for item in codes(judgement))
        # A key that is no model's, and not ASCII, sends the same reading the long way round.
        assert _values(judged(catalog, VEHICLE_TOPIC, payload[:-1] + ',"é":1}'.encode())) == _values(judgement)
        assert _values(judged(catalog, VEHICLE_TOPIC, b"[" + payload + b"]")) == _values(judgement)


def _without_huge_integers(value: Any) -> Any:
    """Integers that orjson does not write become doubles, as it reads them."""
    if isinstance(value, dict):
        return {key: _without_huge_integers(item) for key, item in value.items()}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def _values(judgement: Judgement) -> list[Any]:
    return [(rows.readings, rows.devices, rows.micros) for rows in judgement.rows.values()] + codes(judgement)


INTEGER = ModelSpec(
    name="vehicle", topic_filter="vehicles/+/telemetry", fields=(FieldSpec(name="speed", kind="integer", maximum=9.5),)
)


@pytest.mark.parametrize(
    ("speed", "stored"), [(5.0, 5), (1e0, 1), (-0.0, 0), (9, 9), (5.5, None), (10, None), (10.0, None), (2.0**63, None)]
)
def test_a_whole_number_with_a_point_is_an_integer_as_json_schema_says(speed: float, stored: int | None) -> None:
    judgement = judged(catalog_of(INTEGER), VEHICLE_TOPIC, vehicle(speed=speed, seq=3.0))
    values = [(reading.f0, reading.s) for rows in judgement.rows.values() for reading in rows.readings]
    assert values == ([] if stored is None else [(stored, 3)])
    assert all(type(value) is int for pair in values for value in pair)


def test_every_fault_of_a_reading_is_told_with_its_place() -> None:
    judgement = judged(catalog_of(), VEHICLE_TOPIC, b'{"speed":-1,"heading":"north","battery":101,"seq":-5}')
    faults = {(reason.code, reason.path) for reason in judgement.rejected[0].reasons}
    assert faults == {
        ("required", ""),
        ("minimum", "/speed"),
        ("type", "/heading"),
        ("maximum", "/battery"),
        ("minimum", "/seq"),
    }


def test_a_place_is_a_json_pointer_also_when_a_key_has_a_slash() -> None:
    spec = ModelSpec(name="m", topic_filter="vehicles/+/telemetry", fields=VEHICLE.fields, time_key="a/b~c")
    judgement = judged(catalog_of(spec), VEHICLE_TOPIC, b'{"a/b~c":"never","speed":5}')
    assert [reason.path for reason in judgement.rejected[0].reasons] == ["/a~1b~0c"]


def test_the_schema_carries_labels_and_units() -> None:
    assert json_schema(VEHICLE)["properties"]["speed"] == {
        "type": ["number"],
        "minimum": 0,
        "maximum": 250,
        "x-label": "Speed",
        "x-unit": "km/h",
    }


@settings(max_examples=50, deadline=None)
@given(specs())
@example(VEHICLE)
def test_every_model_that_may_be_published_has_a_valid_schema(spec: ModelSpec) -> None:
    assume(not faults_of_limits(spec))
    assert jsonschema_rs.meta.is_valid(compile_model(spec, 1).schema)


def model_with(*fields: FieldSpec, **changes: Any) -> ModelSpec:
    return ModelSpec(**{"name": "m", "topic_filter": "m/+", "fields": fields, **changes})


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (model_with(FieldSpec(name="a", kind="number", minimum=2, maximum=1)), "between the limits"),
        (model_with(FieldSpec(name="a", kind="integer", minimum=0.2, maximum=0.8)), "between the limits"),
        (model_with(FieldSpec(name="a", kind="integer", minimum=1e19)), "between the limits"),
        (model_with(FieldSpec(name="a", kind="number", minimum=float("nan"))), "not a number"),
        (model_with(FieldSpec(name="a", kind="integer", maximum=float("inf"))), "not a number"),
        (model_with(FieldSpec(name="a", kind="choice")), "names none"),
        (model_with(FieldSpec(name="a", kind="text", max_length=0)), "no room"),
        (model_with(past_s=-1), "hundred years"),
        (model_with(past_s=float("nan")), "hundred years"),
        (model_with(ahead_s=1e12), "hundred years"),
        (model_with(*[FieldSpec(name=f"f{n}", kind="number") for n in range(501)]), "501 fields"),
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
        (model_with(name="vehicle_p20250101"), "daily partition"),
        (model_with(time_key=""), "1 to 63 characters"),
        (model_with(time_key='a"b'), "1 to 63 characters"),
        (model_with(sequence_key="a\nb"), "1 to 63 characters"),
        (model_with(sequence_key="timestamp"), "used twice"),
        (model_with(device_source="payload", device_key="seq"), "used twice"),
        (model_with(FieldSpec(name="seq", kind="number")), "every table has"),
        (model_with(FieldSpec(name="timestamp", kind="number")), "used twice"),
        (model_with(FieldSpec(name="a", kind="number"), FieldSpec(name="a", kind="text")), "used twice"),
        (model_with(FieldSpec(name="a b", kind="number")), "must be a-z"),
        (model_with(FieldSpec(name="a\n", kind="number")), "must be a-z"),
        (model_with(FieldSpec(name="x" * 64, kind="number")), "must be a-z"),
        *((model_with(FieldSpec(name=name, kind="number")), "every table has") for name in OWN_COLUMNS),
        *((model_with(FieldSpec(name=name, kind="number")), "every table has") for name in SYSTEM_COLUMNS),
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
        model_with(FieldSpec(name="device_id_", kind="number"), FieldSpec(name="select", kind="text")),
        model_with(FieldSpec(name="x" * 63, kind="number"), time_key="Zeit (ü)", name="v" * 48),
    ],
)
def test_names_that_can_become_a_table_have_no_fault(spec: ModelSpec) -> None:
    assert faults_of_names(spec) == []
    assert faults_of_limits(spec) == []
