"""The forms of a model's fields, checked one by one and together before anything is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm, TextInput

from validation.forms.faults import faults_of_field, faults_of_settings, faults_of_whole, placed
from validation.forms.numbers import PlainNumber
from validation.models import DataModel, Field
from validation.spec import FieldSpec, ModelSpec
from validation.tables import columns, faults_of_types

LAST_POSITION = 32_767  # what its column holds
ENTERED = "entered"  # where the fields that were written are left on the model's instance, for its rules to look at
NUMBERS, TEXTS = frozenset({"number", "integer"}), frozenset({"text"})
# Which kinds of field each setting is for, and what to say of any other.
MEANT_FOR: Mapping[str, tuple[frozenset[str], str]] = {
    "minimum": (NUMBERS, "Only a number or an integer has limits."),
    "maximum": (NUMBERS, "Only a number or an integer has limits."),
    "choices": (frozenset({"choice"}), "Only a choice has choices."),
    "max_length": (TEXTS, "Only a text has a length."),
    "pattern": (TEXTS, "Only a text has a pattern."),
}
# In the order in which a fault that two of them share is given to the later one.
PLACES = ("kind", "name", "path", "unit", "minimum", "maximum", "choices", "max_length", "pattern")
# In characters; the style sheet lets them grow.
WIDTHS = {
    "position": 3,
    "name": 14,
    "path": 14,
    "label": 14,
    "unit": 6,
    "minimum": 7,
    "maximum": 7,
    "choices": 18,
    "max_length": 5,
    "pattern": 18,
    "description": 40,
}


@dataclass(frozen=True)
class Entered:
    """The fields that somebody has written into the form of a model and that are right, each for itself."""

    fields: tuple[FieldSpec, ...]
    any_of: tuple[str, ...]


class FieldForm(ModelForm[Field]):
    """One field of a model. Without a position it goes to the end."""

    class Meta:
        model = Field
        fields = (
            "name",
            "kind",
            "unit",
            "label",
            "required",
            "one_of",
            "path",
            "minimum",
            "maximum",
            "choices",
            "max_length",
            "pattern",
            "description",
            "position",
        )
        widgets = {name: TextInput(attrs={"size": width}) for name, width in WIDTHS.items()}
        labels = {"position": "Order", "max_length": "Longest"}
        field_classes = {"minimum": PlainNumber, "maximum": PlainNumber}
        help_texts = {
            "name": "The column of the table, and the key in the payload unless a path is given.",
            "kind": "Cannot change once published, but for integer to number: a new meaning needs a new name.",
            "unit": "UCUM: km/h, Cel, %, deg, V. Of a timestamp that comes as a number: s, ms, us or ns.",
            "label": "For people; otherwise the name.",
            "required": "Refuse readings without it.",
            "one_of": "Refuse readings that have none of the fields so marked.",
            "path": "Where it stands in the payload, like gps.lat. Of a point, two paths with a comma between.",
            "minimum": "Lowest value that passes.",
            "maximum": "Highest value that passes.",
            "choices": "Of a choice, with commas between: park, drive.",
            "max_length": "Of a text: the most characters that pass.",
            "pattern": "Of a text: a regular expression that it must contain a match of.",
            "description": "For people.",
            "position": "Fields stand in this order. Empty: last.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "position" in self.fields:
            self.fields["position"].required = False
            if self.instance._state.adding:
                self.initial["position"] = None

    def clean(self) -> None:
        """Refuse settings that mean nothing for the kind of the field: somebody would rely on them."""
        super().clean()
        for place, (kinds, words) in MEANT_FOR.items():
            if self.cleaned_data.get(place) not in (None, "") and self.cleaned_data.get("kind") not in kinds:
                self.add_error(place, words)


class FieldFormSet(BaseInlineFormSet[Field, DataModel, ModelForm[Field]]):
    """The fields of a model. What is entered and right is left on the model's instance, under ENTERED."""

    def clean(self) -> None:
        """Refuse what could not be published, and give the fields without a position the next ones."""
        super().clean()
        if any(self.errors):
            return
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        _number(kept)
        model = self.instance.spec((), rules=())
        if faults_of_settings(model):
            return  # The form of the model says so.
        _refuse_fields(kept, model)
        if any(self.errors):
            return
        entered = _entered(kept)
        if faults := faults_of_whole(self.instance.spec(entered.fields, entered.any_of, rules=())):
            raise ValidationError(faults)
        setattr(self.instance, ENTERED, entered)


def _entered(forms: list[ModelForm[Field]]) -> Entered:
    rows = sorted((form.instance for form in forms), key=lambda row: row.position)
    return Entered(tuple(row.spec() for row in rows), tuple(row.name for row in rows if row.one_of))


def _refuse_fields(forms: list[ModelForm[Field]], model: ModelSpec) -> None:
    """Write each fault of a single field beside the setting that causes it."""
    existing = columns(model.name)
    for form in forms:
        field: FieldSpec = form.instance.spec()
        faults = placed(field, PLACES, lambda one: faults_of_field(model, one))
        types = faults_of_types(ModelSpec(name=model.name, topic_filter="x/+", fields=(field,)), existing)
        faults.setdefault("kind", []).extend(types)
        for place, words in faults.items():
            for fault in words:
                form.add_error(place or "name", fault)


def _number(forms: list[ModelForm[Field]]) -> None:
    """Put the fields without a position behind all others, in the order of the page."""
    positions = [form.cleaned_data["position"] for form in forms]
    last = max((position for position in positions if position is not None), default=-1)
    for form, position in zip(forms, positions, strict=True):
        if position is None:
            last = form.instance.position = min(last + 1, LAST_POSITION)
