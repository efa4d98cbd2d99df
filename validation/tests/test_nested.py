"""Objects within objects, points, and what no path names."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from validation.samples import VEHICLE
from validation.spec import FieldSpec
from validation.tests.judging import NOW, faults_of, judge_one, model, reading_of, vehicle

NESTED = model(
    FieldSpec(name="speed", kind="number"),
    FieldSpec(name="altitude", kind="number", path="gps.alt", maximum=9000),
    FieldSpec(name="satellites", kind="integer", path="gps.fix.count"),
    FieldSpec(name="voltage", kind="number", path="/power.v/now", required=True),
    time_key="meta.ts",
)
META = {"meta": {"ts": NOW}, "power.v": {"now": 12}}


def test_a_value_is_read_from_where_its_path_leads() -> None:
    reading = reading_of(NESTED, META | {"speed": 5, "gps": {"alt": 300.5, "fix": {"count": 7.0}, "other": []}})
    assert (reading.t, reading.f0, reading.f1, reading.f2, reading.f3) == (NOW, 5.0, 300.5, 7, 12.0)
    assert type(reading.f2) is int


@pytest.mark.parametrize(
    "gps", [{}, {"gps": None}, {"gps": {}}, {"gps": {"fix": None}}, {"gps": {"fix": {"count": None}}}]
)
def test_an_object_that_may_be_missing_leaves_its_values_empty(gps: dict[str, Any]) -> None:
    reading = reading_of(NESTED, META | gps)
    assert (reading.f1, reading.f2, reading.f3) == (None, None, 12.0)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({**META, "gps": 5}, [("type", "/gps")]),
        ({**META, "gps": []}, [("type", "/gps")]),
        ({**META, "gps": {"fix": "3D", "alt": 9001}}, [("maximum", "/gps/alt"), ("type", "/gps/fix")]),
        ({**META, "power.v": None}, [("type", "/power.v")]),
        ({**META, "power.v": {}}, [("required", "/power.v")]),
        ({"power.v": {"now": 1}}, [("required", "")]),
        ({**META, "meta": {"ts": "soon"}}, [("timestamp", "/meta/ts")]),
    ],
)
def test_a_fault_is_told_at_its_place(payload: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert faults_of(NESTED, payload) == expected


def test_a_device_can_stand_anywhere_in_the_payload_and_is_named_when_it_is_rejected() -> None:
    spec = model(FieldSpec(name="speed", kind="number"), device_source="payload", device_key="meta.id")
    judgement = judge_one(spec, {"timestamp": NOW, "meta": {"id": "v1"}})
    assert judgement.rows["vehicle"].devices == ["v1"]
    assert judge_one(spec, {"meta": {"id": "v1"}}).rejected[0].device == "v1"
    assert judge_one(spec, {"meta": "v1"}).rejected[0].device is None


# --- Points -------------------------------------------------------------------------------------------------------

POINT = model(FieldSpec(name="gps", kind="point"))


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("", {"gps": {"lat": 52.5, "lon": 13}}),
        ("pos.gps", {"pos": {"gps": {"lat": 52.5, "lon": 13}}}),
        ("la, pos.lo", {"la": 52.5, "pos": {"lo": 13}}),
        ("/a.b", {"a.b": {"lat": 52.5, "lon": 13}}),
    ],
)
def test_a_point_is_a_pair_of_latitude_and_longitude(path: str, payload: dict[str, Any]) -> None:
    spec = model(FieldSpec(name="gps", kind="point", path=path), FieldSpec(name="speed", kind="number"))
    reading = reading_of(spec, {"timestamp": NOW, "speed": 1} | payload)
    assert (reading.f0, reading.f1) == ((52.5, 13.0), 1.0)


def test_a_point_that_may_be_missing_is_empty() -> None:
    gps: dict[str, Any]
    for gps in ({}, {"gps": None}, {"gps": {}}, {"gps": {"lat": None, "lon": None}}):
        assert reading_of(POINT, {"timestamp": NOW, **gps}).f0 is None


@pytest.mark.parametrize(
    ("gps", "expected"),
    [
        ({"lat": 52.5}, [("incomplete_point", "/gps/lon")]),
        ({"lat": None, "lon": 13}, [("incomplete_point", "/gps/lat")]),
        ({"lat": 90.1, "lon": -180.1}, [("maximum", "/gps/lat"), ("minimum", "/gps/lon")]),
        ({"lat": "52.5", "lon": 13}, [("type", "/gps/lat")]),
        ([52.5, 13], [("type", "/gps")]),
    ],
)
def test_half_a_point_or_one_beyond_the_earth_is_a_fault(gps: Any, expected: list[tuple[str, str]]) -> None:
    assert faults_of(POINT, {"timestamp": NOW, "gps": gps}) == expected


# --- What no path names -------------------------------------------------------------------------------------------

STRANGE = {"timestamp": NOW, "speed": 1, "rssi": -70, "gps": {"alt": 1, "hdop": {"x": [None]}}, "n": None, "o": {}}


@pytest.mark.parametrize("prefix", [b"", b" " * 5_000])  # the second way is the long one
def test_unknown_keys_are_ignored_kept_as_they_stood_or_rejected(prefix: bytes) -> None:
    fields = (FieldSpec(name="speed", kind="integer"), FieldSpec(name="alt", kind="number", path="gps.alt"))
    payload = prefix + orjson.dumps(STRANGE | {"speed": 1.0})
    assert reading_of(model(*fields), payload).f0 == 1
    kept = reading_of(model(*fields, unknown="keep"), payload)
    assert (kept.f0, kept.f1) == (1, 1.0)
    assert orjson.loads(kept.x) == {"rssi": -70, "gps": {"hdop": {"x": [None]}}, "n": None, "o": {}}
    expected = [("additionalProperties", ""), ("additionalProperties", "/gps")]
    assert faults_of(model(*fields, unknown="reject"), payload) == expected


def test_a_reading_without_unknown_keys_keeps_nothing() -> None:
    assert reading_of(model(VEHICLE.fields[0], unknown="keep"), vehicle(seq=None)).x is None


def test_what_is_kept_is_what_counts_of_two_equal_keys() -> None:
    payload = b'{"timestamp":%f,"x":1,"speed":"a","speed":5,"x":2}' % NOW
    reading = reading_of(model(VEHICLE.fields[0], unknown="keep"), payload)
    assert (reading.f0, reading.x) == (5.0, b'{"x":2}')
