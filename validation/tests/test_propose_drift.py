"""Drift: what comes for a model no longer fits it, and the changed model that would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from validation.propose import Drift, changed
from validation.samples import VEHICLE
from validation.spec import FieldSpec, ModelSpec, faults_of_limits, faults_of_names
from validation.tests.proposing import NOW, rejected, sent

MACHINE = ModelSpec(
    name="machine",
    topic_filter="plant/+/telemetry",
    time_source="receipt",
    sequence_key="",
    fields=(
        FieldSpec(name="pressure", kind="number", unit="bar", minimum=0, maximum=10, required=True),
        FieldSpec(name="humidity", kind="number", unit="%", minimum=0, maximum=100),
        FieldSpec(name="parts", kind="integer", minimum=0),
        FieldSpec(name="mode", kind="choice", choices=("auto", "manual")),
        FieldSpec(name="job", kind="text", max_length=8),
        FieldSpec(name="running", kind="boolean"),
        FieldSpec(name="place", kind="point", path="gps"),
    ),
)


def drift(payload: Callable[[int], dict[str, Any]], count: int = 20) -> Drift:
    """Return the drift of MACHINE for payloads that have, unless they say otherwise, a pressure that fits."""
    messages = sent(lambda n: {"pressure": 6.1} | payload(n), count)
    found = changed(MACHINE, messages)
    assert faults_of_names(found.spec) + faults_of_limits(found.spec) == []
    return found


def field(found: Drift, name: str) -> FieldSpec:
    return next(field for field in found.spec.fields if field.name == name)


def test_a_model_that_fits_does_not_drift() -> None:
    found = drift(lambda n: {"humidity": 40, "parts": n, "mode": "auto", "gps": {"lat": 1.5, "lon": 2.5}})
    assert (found.changes, found.spec) == ([], MACHINE)
    assert changed(MACHINE, []).spec == MACHINE


def test_a_value_that_the_model_does_not_name_becomes_an_optional_field() -> None:
    found = drift(lambda n: {"oil": {"temperature": 60.5 + n}}, count=40)
    new = field(found, "oil_temperature")
    assert (new.kind, new.unit, new.path, new.required) == ("number", "Cel", "oil.temperature", False)
    assert found.changes == [
        "`oil.temperature` is not in the model and stood in 40 of 40 readings: new optional field `oil_temperature` "
        "(number, Cel)."
    ]


@pytest.mark.parametrize(
    ("payload", "name", "wanted", "words"),
    [
        (lambda n: {"pressure": 12.34}, "pressure", {"maximum": 13.0}, "beyond its maximum: 10 → 13"),
        (lambda n: {"parts": 2.5}, "parts", {"kind": "number"}, "integer → number"),
        (lambda n: {"parts": 5.0}, "parts", {}, ""),
        (lambda n: {"mode": "eco"}, "mode", {"choices": ("auto", "manual", "eco")}, "was also 'eco'"),
        (lambda n: {"job": "x" * 12}, "job", {"max_length": 12}, "8 → 12"),
        (lambda n: {"pressure": None if n == 3 else 5}, "pressure", {"required": False}, "19 of 20 readings only"),
    ],
)
def test_what_does_not_fit_widens_the_model(payload: Any, name: str, wanted: dict[str, Any], words: str) -> None:
    found = drift(payload)
    before = next(field for field in MACHINE.fields if field.name == name)
    assert field(found, name) == msgspec.structs.replace(before, **wanted)
    assert words in " ".join(found.changes)
    assert rejected(found.spec, sent(lambda n: {"pressure": 6.1} | payload(n))) == []


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (lambda n: {"humidity": 140}, "look at the device"),
        (lambda n: {"running": "yes"}, "only a person can say"),
        (lambda n: {"mode": f"job-{n}"}, "was also"),
        (lambda n: {"parts": "many"}, "only a person can say"),
    ],
)
def test_what_physics_forbids_or_nobody_can_tell_is_said(payload: Any, words: str) -> None:
    assert words in " ".join(drift(payload).changes)


def test_a_field_that_is_a_physical_limit_keeps_it() -> None:
    assert field(drift(lambda n: {"humidity": 140}), "humidity").maximum == 100


def test_time_device_and_sequence_are_no_new_fields() -> None:
    messages = sent(lambda n: {"timestamp": NOW + n, "seq": n, "speed": 20.5, "heading": 4}, 30)
    assert changed(VEHICLE, messages).changes == []
