"""What becomes of readings: types, times, rules, and what is told of those that do not pass."""

from __future__ import annotations

import pytest

from validation.pipeline import judge
from validation.samples import VEHICLE
from validation.schema import compile_model
from validation.spec import FieldSpec, ModelSpec, Rule, TimeUnit
from validation.tests.judging import (
    NOW,
    VEHICLE_TOPIC,
    batch_of,
    catalog_of,
    faults_of,
    judge_one,
    judged,
    model,
    reading_of,
    vehicle,
)

INTEGER = model(FieldSpec(name="speed", kind="integer", maximum=9.5))


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


# --- Times --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "per_second"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_a_time_counts_what_the_model_says(unit: TimeUnit, per_second: float) -> None:
    spec = model(FieldSpec(name="seen", kind="timestamp", unit=unit), time_unit=unit)
    for value in (NOW * per_second, "2025-10-09T08:53:20Z"):
        (rows,) = judge_one(spec, {"timestamp": value, "seen": value}).rows.values()
        assert rows.micros == [NOW * 1e6]
    assert faults_of(spec, {"timestamp": NOW * per_second, "seen": "soon"}) == [("timestamp", "/seen")]


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [
        ("s", NOW * 1e3, "looks like milliseconds; seconds are expected"),
        ("ms", NOW, "looks like seconds; milliseconds are expected"),
        ("ns", NOW * 1e6, "looks like microseconds; nanoseconds are expected"),
    ],
)
def test_a_time_in_another_unit_than_expected_is_recognised(unit: TimeUnit, value: float, words: str) -> None:
    judgement = judge_one(model(VEHICLE.fields[0], time_unit=unit), vehicle(timestamp=value))
    assert words in judgement.rejected[0].reasons[0].detail


def test_the_moment_of_receipt_can_be_the_time() -> None:
    spec = model(FieldSpec(name="speed", kind="number"), time_source="receipt", past_s=0, ahead_s=0)
    (rows,) = judge_one(spec, {"timestamp": "whatever", "seq": 3}).rows.values()
    assert (rows.micros, rows.readings[0].s) == ([NOW * 1e6], 3)


def test_nothing_is_stored_that_retention_would_remove_at_once() -> None:
    spec = model(VEHICLE.fields[0], retention_days=2)
    assert compile_model(spec, 1).oldest_s == 2 * 86_400
    reading_of(spec, vehicle(timestamp=NOW - 2 * 86_400))
    assert faults_of(spec, vehicle(timestamp=NOW - 2 * 86_400 - 1)) == [("time_window", "/timestamp")]


# --- Rules --------------------------------------------------------------------------------------------------------

TRIP = model(
    FieldSpec(name="start", kind="timestamp", unit="ms"),
    FieldSpec(name="end", kind="timestamp"),
    FieldSpec(name="low", kind="number", path="limits.low"),
    FieldSpec(name="high", kind="integer"),
    rules=(Rule("end > start", "A trip ends after it starts."), Rule("low <= high && high / (high - 5) > 0")),
)


def test_a_rule_is_judged_where_every_field_it_names_is_present() -> None:
    for payload in ({}, {"start": NOW * 1e3}, {"end": NOW}, {"start": NOW * 1e3, "end": NOW + 1}, {"high": 5}):
        reading_of(TRIP, {"timestamp": NOW, **payload})


def test_a_broken_rule_is_told_with_its_message_or_itself_and_the_values() -> None:
    payload = {"timestamp": NOW, "start": NOW * 1e3, "end": NOW - 1, "limits": {"low": 7}, "high": 6}
    (rejected,) = judge_one(TRIP, payload).rejected
    assert [(reason.code, reason.path, reason.detail) for reason in rejected.reasons] == [
        (
            "rule",
            "",
            "A trip ends after it starts: end = 2025-10-09 08:53:19+00:00, start = 2025-10-09 08:53:20+00:00.",
        ),
        ("rule", "", "The rule low <= high && high / (high - 5) > 0 does not hold: low = 7.0, high = 6."),
    ]


def test_a_rule_that_cannot_be_evaluated_is_a_fault_of_the_reading() -> None:
    (rejected,) = judge_one(TRIP, {"timestamp": NOW, "limits": {"low": 1}, "high": 5}).rejected
    assert "divide by zero" in rejected.reasons[0].detail


def test_a_time_that_is_none_is_told_once_and_not_by_the_rules_as_well() -> None:
    assert faults_of(TRIP, {"timestamp": NOW, "start": "soon", "end": NOW}) == [("timestamp", "/start")]


# --- Arrays -------------------------------------------------------------------------------------------------------


def test_how_a_reading_of_an_array_was_written_can_be_found() -> None:
    single, first, second = vehicle(), b'{ "timestamp":%f, "speed":1}' % NOW, vehicle(speed=2)
    catalog = catalog_of()
    batch = batch_of([(VEHICLE_TOPIC, single), (VEHICLE_TOPIC, b"[%s, 5,%s]" % (first, second))])
    rows = judge([batch], catalog).rows["vehicle"]
    assert [rows.raw(place, batch.payloads[rows.positions[place]]) for place in range(3)] == [single, first, second]
    moved = type(rows)(rows.model)
    moved.add(*rows.at(2))
    assert moved.raw(0, b"") == second
