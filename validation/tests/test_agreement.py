"""Two judges of one model, msgspec and JSON Schema, and that they agree, on any payload of any model."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from validation.checks import unit_of
from validation.json_schema import json_schema
from validation.leaves import leaves
from validation.moments import microseconds
from validation.paths import Parts, parts
from validation.patterns import LINEAR
from validation.pipeline import Judgement
from validation.samples import VEHICLE
from validation.schema import compile_model
from validation.spec import FieldSpec, ModelSpec, Rule, paths_of
from validation.tests.generated import RULES, put, readings, specs, without_huge_integers
from validation.tests.judging import NOW, VEHICLE_TOPIC, catalog_of, codes, judged


def at(reading: Any, place: Parts) -> Any:
    """Return what stands at a place, None where nothing does."""
    for key in place:
        reading = reading.get(key) if isinstance(reading, dict) else None
    return reading


def by_schema(spec: ModelSpec, payload: bytes) -> bool:
    """Say whether a reading passes: the JSON Schema, and the rules that no schema can say, in plain words."""
    reading = orjson.loads(payload)
    for leaf in leaves(spec):  # numbers are compared as the doubles that the table holds
        is_double = leaf.field is not None and leaf.field.kind in ("number", "point")
        if is_double and type(at(reading, leaf.parts)) is int:
            put(reading, leaf.parts, float(at(reading, leaf.parts)))
    validator = jsonschema_rs.Draft202012Validator(json_schema(spec), pattern_options=LINEAR)
    if not validator.is_valid(reading) or rb"\u0000" in payload:
        return False
    return _is_timely(spec, reading) and _is_meaningful(spec, reading)


def _is_timely(spec: ModelSpec, reading: dict[str, Any]) -> bool:
    if spec.time_source == "receipt":
        return True
    micros = microseconds(at(reading, parts(spec.time_key)), spec.time_unit)
    oldest = min(spec.past_s, (spec.retention_days or 1e9) * 86_400)
    return micros is not None and -spec.ahead_s <= NOW - micros / 1e6 <= oldest


def _is_meaningful(spec: ModelSpec, reading: dict[str, Any]) -> bool:
    """Points are whole, times are times, one of some fields is there, and rules hold where their fields are."""
    values: dict[str, Any] = {}
    for field in spec.fields:
        found = [at(reading, parts(path)) for path in paths_of(field)]
        if found == [None] * len(found):
            continue
        if None in found:
            return False
        values[field.name] = float(found[0]) if field.kind == "number" else found[0]
        if field.kind == "timestamp":
            values[field.name] = microseconds(found[0], unit_of(field))
            if values[field.name] is None:
                return False
    if spec.any_of and not values.keys() & set(spec.any_of):
        return False
    return all(_holds(rule, spec, values) for rule in spec.rules)


def _holds(rule: Rule, spec: ModelSpec, values: dict[str, Any]) -> bool:
    names = [spec.fields[0].name, spec.fields[-1].name]
    if not values.keys() >= set(names):
        return True
    one, other = values[names[0]], values[names[1]]
    if float in (type(one), type(other)):  # an integer meets a number as a double
        one, other = float(one), float(other)
    meant = next(said for form, said in RULES.items() if form.format(*names) == rule.expression)
    return meant(one, other)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_msgspec_and_json_schema_agree_on_any_reading_of_any_model(data: st.DataObject) -> None:
    spec = data.draw(specs())
    catalog = catalog_of(spec)
    for _ in range(3):
        payload = orjson.dumps(without_huge_integers(data.draw(readings(spec))))
        judgement = judged(catalog, VEHICLE_TOPIC, payload)
        assert bool(judgement.rows) == by_schema(spec, payload), (payload, codes(judgement))
        assert all(reason.code and reason.detail for item in judgement.rejected for reason in item.reasons)
        assert all(item and "not_accepted" not in item for item in codes(judgement))
        assert _values(judged(catalog, VEHICLE_TOPIC, b"[" + payload + b"]")) == _values(judgement)
        if spec.unknown == "ignore" and payload != b"{}":
            # A key that is no model's, and not ASCII, sends the same reading the long way round.
            assert _values(judged(catalog, VEHICLE_TOPIC, payload[:-1] + ',"é":1}'.encode())) == _values(judgement)


def _values(judgement: Judgement) -> list[Any]:
    return [(rows.readings, rows.devices, rows.micros) for rows in judgement.rows.values()] + codes(judgement)


@settings(max_examples=50, deadline=None)
@given(specs())
@example(VEHICLE)
def test_every_model_that_may_be_published_has_a_valid_schema(spec: ModelSpec) -> None:
    assert jsonschema_rs.meta.is_valid(compile_model(spec, 1).schema)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_what_is_kept_is_what_no_path_names(data: st.DataObject) -> None:
    fields = (FieldSpec(name="a", kind="text", path="gps.a"), FieldSpec(name="gps", kind="point"))
    spec = ModelSpec(
        name="m", topic_filter="vehicles/+/telemetry", fields=fields, time_source="receipt", unknown="keep"
    )
    keys = st.sampled_from(["a", "lat", "lon", "seq_", "é"])
    gps = data.draw(st.dictionaries(keys, st.just("x"))) | {"lat": 1, "lon": 2}
    rest: dict[str, Any] = data.draw(st.dictionaries(keys, st.dictionaries(keys, st.just("x")) | st.just(5)))
    payload = rest | data.draw(st.sampled_from([{}, {"gps": None}, {"gps": gps}]))
    (rows,) = judged(catalog_of(spec), VEHICLE_TOPIC, orjson.dumps(payload)).rows.values()
    below = {key: value for key, value in (payload.get("gps") or {}).items() if key not in ("a", "lat", "lon")}
    assert orjson.loads(rows.readings[0].x or b"{}") == rest | ({"gps": below} if below else {})
