"""The forms of a draft by themselves: each fault is said beside the setting that causes it."""

from __future__ import annotations

from typing import Any

import pytest
from django.forms import BaseInlineFormSet, inlineformset_factory, model_to_dict

from validation.forms import DataModelForm, FieldForm, FieldFormSet
from validation.models import DataModel, Field
from validation.samples import load_samples
from validation.tests.person import Values

FieldForms: type[BaseInlineFormSet[Any, Any, Any]] = inlineformset_factory(
    DataModel, Field, form=FieldForm, formset=FieldFormSet
)


@pytest.fixture
def vehicle(db: None) -> DataModel:
    load_samples()
    return DataModel.objects.get(name="vehicle")


def beside(form: Any, place: str) -> str:
    """Return what a form says beside a setting."""
    return " ".join(str(fault) for fault in form.errors.get(place, []))


BAD_FIELDS: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"name": "Oil Pressure"}, "name", "a-z, 0-9 and _"),
    ({"name": "a;drop"}, "name", "a-z, 0-9 and _"),
    ({"name": "ts"}, "name", "has a column ts already"),
    ({"name": "ctid"}, "name", "every table has already"),
    ({"name": "oil", "path": "a..b"}, "path", "a..b"),
    ({"name": "oil", "unit": "furlongs!"}, "unit", "furlongs!"),
    ({"name": "oil", "minimum": 5, "maximum": 3}, "maximum", "below the minimum"),
    ({"name": "oil", "kind": "integer", "minimum": 1.2, "maximum": 1.8}, "maximum", "Nothing lies between"),
    ({"name": "oil", "minimum": "nan"}, "minimum", "Enter a number"),
    ({"name": "oil", "kind": "text", "maximum": 10}, "maximum", "Only a number"),
    ({"name": "oil", "kind": "text", "max_length": 0}, "max_length", "no room"),
    ({"name": "oil", "max_length": 5}, "max_length", "Only a text"),
    ({"name": "oil", "kind": "text", "pattern": r"(a)\1"}, "pattern", "refers back"),
    ({"name": "oil", "pattern": "a"}, "pattern", "Only a text"),
    ({"name": "oil", "kind": "choice", "choices": " , "}, "choices", "at least one choice"),
    ({"name": "oil", "choices": "a, b"}, "choices", "Only a choice"),
    ({"name": "oil", "kind": "colour"}, "kind", "Select a valid choice"),
)


def test_a_fault_of_a_field_is_said_beside_the_setting_that_causes_it(vehicle: DataModel) -> None:
    for values, place, words in BAD_FIELDS:
        data = {"fields-TOTAL_FORMS": 1, "fields-INITIAL_FORMS": 0, "fields-0-kind": "number"}
        data |= {f"fields-0-{name}": value for name, value in values.items()}
        together = FieldForms(data, instance=vehicle)
        assert not together.is_valid()
        (form,) = together.forms
        assert words in beside(form, place), (values, form.errors)


BAD_MODELS: tuple[tuple[Values, str, str], ...] = (
    ({"name": "My Boats"}, "name", "a-z, 0-9 and _"),
    ({"name": "boat_p20260101"}, "name", "daily partition"),
    ({"name": "vehicle"}, "name", "already exists"),
    ({"name": "b" * 49}, "name", "48"),
    ({"topic_filter": "boats/telemetry"}, "topic_filter", "device"),
    ({"topic_filter": "boats/#/x"}, "topic_filter", "must come last"),
    ({"device_level": "2"}, "device_level", "wildcard 2"),
    ({"time_key": "a..b"}, "time_key", "a..b"),
    ({"sequence_key": "timestamp"}, "sequence_key", "twice"),
    ({"device_source": "payload", "device_key": "timestamp"}, "device_key", "twice"),
    ({"past_s": "1e12"}, "past_s", "hundred years"),
    ({"ahead_s": "-1"}, "ahead_s", "greater than or equal to 0"),
    ({"retention_days": "0"}, "retention_days", "at least a day"),
)


def test_a_fault_of_a_model_is_said_beside_the_setting_that_causes_it(vehicle: DataModel) -> None:
    right = model_to_dict(DataModel(name="boat", topic_filter="boats/+/telemetry"))
    right = {name: value for name, value in right.items() if value is not None}
    assert DataModelForm(right).is_valid()
    for values, place, words in BAD_MODELS:
        form = DataModelForm(right | dict(values))
        assert words in beside(form, place), (values, form.errors)
