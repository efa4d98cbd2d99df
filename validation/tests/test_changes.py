"""What became different from one version to the next, in words."""

from __future__ import annotations

import msgspec
import pytest

from validation.changes import FIRST, differences
from validation.samples import VEHICLE
from validation.spec import FieldSpec, ModelSpec, Rule

SPEED = VEHICLE.fields[0]
REST = VEHICLE.fields[1:]


def with_speed(**changes: object) -> ModelSpec:
    return msgspec.structs.replace(VEHICLE, fields=(msgspec.structs.replace(SPEED, **changes), *REST))


def with_settings(**changes: object) -> ModelSpec:
    return msgspec.structs.replace(VEHICLE, **changes)


def test_the_first_version_and_one_that_is_the_same_are_said_as_such() -> None:
    assert differences(None, VEHICLE) == [FIRST]
    assert differences(VEHICLE, VEHICLE) == []


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (with_speed(maximum=300.0), "`speed` maximum 250 → 300"),
        (with_speed(minimum=None), "`speed` minimum 0 → none"),
        (with_speed(kind="integer"), "`speed` number → integer"),
        (with_speed(required=False), "`speed` may be missing now"),
        (with_speed(unit="m/s"), "`speed` unit km/h → m/s (stored values are not converted)"),
        (with_speed(path="gps.speed"), "`speed` path none → gps.speed"),
        (with_settings(fields=(SPEED,)), "field `battery` removed; its column and what it holds stay"),
        (with_settings(fields=(SPEED, *REST[::-1])), "The order of the fields."),
        (with_settings(topic_filter="cars/+"), "topic filter vehicles/+/telemetry → cars/+"),
        (with_settings(any_of=("speed", "battery")), "at least one of `speed`, `battery` must be present"),
        (with_settings(rules=(Rule("speed > 0"),)), "new rule `speed > 0`"),
        (with_settings(unknown="keep"), "unknown keys ignore → keep"),
        (with_settings(retention_days=30), "kept for (days) none → 30"),
        (with_settings(register_devices=False), "unknown devices wait in quarantine"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_difference_is_a_sentence(new: ModelSpec, words: str) -> None:
    assert words in differences(VEHICLE, new)


def test_a_new_field_is_told_with_its_kind_unit_and_limits() -> None:
    gear = FieldSpec(name="gear", kind="choice", choices=("P", "D"))
    rpm = FieldSpec(name="rpm", kind="integer", unit="/min", required=True, minimum=0, maximum=9_000)
    told = differences(VEHICLE, with_settings(fields=(*VEHICLE.fields, rpm, gear)))
    assert told == [
        "new required field `rpm` (integer, /min, 0 to 9,000)",
        "new optional field `gear` (choice, 'P' or 'D')",
    ]


@pytest.mark.parametrize("name", sorted(set(ModelSpec.__struct_fields__) - {"name", "fields"}))
def test_every_setting_of_a_model_is_told(name: str) -> None:
    others: dict[type, object] = {bool: False, int: 7, float: 7.0, str: "other", type(None): 7, tuple: ("speed",)}
    new = (Rule("speed > 0"),) if name == "rules" else others[type(getattr(VEHICLE, name))]
    assert differences(VEHICLE, with_settings(**{name: new}))


@pytest.mark.parametrize("name", sorted(set(FieldSpec.__struct_fields__) - {"name"}))
def test_every_setting_of_a_field_is_told(name: str) -> None:
    others: dict[type, object] = {bool: False, float: 7.0, int: 7, str: "other", type(None): 7, tuple: ("P",)}
    assert differences(VEHICLE, with_speed(**{name: others[type(getattr(SPEED, name))]}))
