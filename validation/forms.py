"""The forms of a data model and its fields: what cannot be published is refused next to where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm, Textarea, TextInput

from validation.models import DataModel, Field
from validation.publishing import check
from validation.spec import (
    HUNDRED_YEARS_S,
    KEY,
    MODEL_NAME,
    PARTITION_NAME,
    FieldSpec,
    ModelSpec,
    faults_of_limits,
    faults_of_names,
)
from validation.tables import columns, faults_of_types

LAST_POSITION = 32_767  # what its column holds
# Which kinds of field each setting is for, and what to say of any other.
MEANT_FOR: Mapping[str, tuple[frozenset[str], str]] = {
    "minimum": (frozenset({"number", "integer"}), "Only a number or an integer has limits."),
    "maximum": (frozenset({"number", "integer"}), "Only a number or an integer has limits."),
    "choices": (frozenset({"choice"}), "Only a choice has choices."),
    "max_length": (frozenset({"text"}), "Only a text has a length."),
}
# In characters: ten columns have to fit beside each other.
WIDTHS = {
    "position": 2,
    "name": 13,
    "label": 13,
    "unit": 5,
    "minimum": 5,
    "maximum": 5,
    "choices": 13,
    "max_length": 4,
}


class DataModelForm(ModelForm[DataModel]):
    """What a model says of its messages as a whole."""

    class Meta:
        model = DataModel
        fields = (
            "name",
            "description",
            "topic_filter",
            "published",
            "device_source",
            "device_key",
            "time_key",
            "sequence_key",
            "past_s",
            "ahead_s",
            "register_devices",
        )
        widgets = {"description": Textarea(attrs={"rows": 2, "cols": 80})}
        help_texts = {
            "topic_filter": (
                "Which MQTT topics this model is for. + stands for one level, the first + for the device: "
                "vehicles/+/telemetry takes vehicles/vehicle_01/telemetry."
            ),
            "device_key": "The key of the payload that names the device, when it does not come from the topic.",
            "time_key": "The key of the payload that says when it was measured: seconds since 1970, or ISO 8601.",
            "sequence_key": (
                "The key of the payload that counts readings of one moment apart. Two readings of a device with the "
                "same time and number are one. Leave it empty when devices send none."
            ),
            "past_s": "Refuse readings older than this many seconds. A day has 86,400, a year 31,557,600.",
            "ahead_s": "Refuse readings whose time lies further in the future than this many seconds.",
            "register_devices": "Otherwise readings of a device that is not in the list of devices wait in quarantine.",
        }

    def clean_name(self) -> str:
        """Refuse a name that no table can have, or that would be taken for a part of another model's table."""
        name: str = self.cleaned_data["name"]
        if not MODEL_NAME.fullmatch(name):
            raise ValidationError("a-z, 0-9 and _ only, 48 at most; starts with a letter.")
        if PARTITION_NAME.fullmatch(name):
            raise ValidationError("Must not end in _p and eight digits, as the parts of tables do.")
        return name

    def clean(self) -> None:
        """Refuse keys that no payload can have, or that mean two things, and windows of more than a hundred years."""
        super().clean()
        seen: set[str] = set()
        for place in ("time_key", "device_key", "sequence_key"):
            key = self.cleaned_data.get(place)
            if not key or (place == "device_key" and self.cleaned_data.get("device_source") != "payload"):
                continue
            if not KEY.fullmatch(key):
                self.add_error(place, "Must be without quotes, \\ and line breaks.")
            elif key in seen:
                self.add_error(place, f"The key {key} is used twice.")
            seen.add(key)
        for place in ("past_s", "ahead_s"):
            if (self.cleaned_data.get(place) or 0) > HUNDRED_YEARS_S:
                self.add_error(place, f"Must be a hundred years ({HUNDRED_YEARS_S:,.0f} s) at most.")


class FieldForm(ModelForm[Field]):
    """One field of a model. Without a position it goes to the end."""

    class Meta:
        model = Field
        fields = (
            "position",
            "name",
            "kind",
            "label",
            "unit",
            "required",
            "minimum",
            "maximum",
            "choices",
            "max_length",
        )
        widgets = {name: TextInput(attrs={"size": width}) for name, width in WIDTHS.items()}
        labels = {"position": "order", "max_length": "longest"}
        help_texts = {
            "position": "Empty: last.",
            "name": "The key in the payload and the column of the table. Another name is another column.",
            "kind": "Cannot change once published: a new meaning needs a new name.",
            "label": "For people; otherwise the name.",
            "required": "Refuse readings without it.",
            "minimum": "Lowest value that passes.",
            "maximum": "Highest value that passes.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["position"].required = False
        if self.instance._state.adding:
            self.initial["position"] = None

    def clean(self) -> None:
        """Refuse settings that mean nothing for the kind of the field: somebody would rely on them."""
        super().clean()
        for place, (kinds, words) in MEANT_FOR.items():
            if self.cleaned_data.get(place) not in (None, "") and self.cleaned_data.get("kind") not in kinds:
                self.add_error(place, words)
        if self.cleaned_data.get("max_length") == 0:
            self.add_error("max_length", "Must be at least 1.")


class FieldFormSet(BaseInlineFormSet[Field, DataModel, ModelForm[Field]]):
    """The fields of a model, checked together before anything is saved."""

    def clean(self) -> None:
        """Refuse what could not be published, and give the fields without a position the next ones."""
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        _number(kept)
        model = self.instance.spec(())
        if faults_of_names(model) or faults_of_limits(model):
            return  # The form of the model says so.
        _refuse_fields(kept, model)
        if self.instance.published and not any(self.errors):
            check(self.instance.spec(form.instance.spec() for form in kept))


def _refuse_fields(forms: list[ModelForm[Field]], model: ModelSpec) -> None:
    """Write each fault of a single field next to it."""
    existing = columns(model.name)
    for form in forms:
        field: FieldSpec = form.instance.spec()
        alone = msgspec.structs.replace(model, fields=(field,))
        for place, faults in (
            ("name", faults_of_names(alone)),
            ("kind", faults_of_types(alone, existing)),
            ("maximum", faults_of_limits(alone)),
        ):
            for fault in faults:
                form.add_error(place, fault)


def _number(forms: list[ModelForm[Field]]) -> None:
    """Put the fields without a position behind all others, in the order of the page."""
    positions = [form.cleaned_data["position"] for form in forms]
    last = max((position for position in positions if position is not None), default=-1)
    for form, position in zip(forms, positions, strict=True):
        if position is None:
            last = form.instance.position = min(last + 1, LAST_POSITION)
